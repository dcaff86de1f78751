/** Light, dark or the system's, on <html>. Remembered here only so that the first frame has it already. */
const KEPT = 'tieline.theme';

export function wear(theme: string): void {
  if (theme === 'light' || theme === 'dark') document.documentElement.dataset['theme'] = theme;
  else delete document.documentElement.dataset['theme'];
  localStorage.setItem(KEPT, theme);
}

export const wearLast = (): void => wear(localStorage.getItem(KEPT) ?? 'system');
