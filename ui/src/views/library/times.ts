const DAY = 24 * 60 * 60_000;

/** When something was changed last, as people narrow it. */
export const TIMES = [
  { value: '', label: 'Any time' },
  { value: '1', label: 'Past day' },
  { value: '7', label: 'Past week' },
  { value: '31', label: 'Past month' },
  { value: '366', label: 'Past year' },
];

/** The time that is so many days ago; none for any time. */
export const since = (days: string): string | null => (days ? new Date(Date.now() - Number(days) * DAY).toISOString() : null);
