/** Times as people say them: relative up to a day, then dates. */

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;
const DAY = 24 * HOUR;

const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];
const weekday = new Intl.DateTimeFormat('en-GB', { weekday: 'long' });
const full = new Intl.DateTimeFormat('en-GB', { dateStyle: 'full', timeStyle: 'medium' });

/** "just now", "6 min ago", "3 h ago", "in 24 min", else a date. */
export function ago(at: string, now = Date.now()): string {
  const then = Date.parse(at);
  const distance = Math.abs(now - then);
  const future = then > now;
  if (distance < MINUTE) return future ? 'in a moment' : 'just now';
  if (distance < DAY) {
    const words = distance < HOUR ? `${Math.floor(distance / MINUTE)} min` : `${Math.floor(distance / HOUR)} h`;
    return future ? `in ${words}` : `${words} ago`;
  }
  return sameYear(at, now) ? day(at) : date(at);
}

/** "12 Mar 2027" */
export const date = (at: string): string => `${day(at)} ${new Date(at).getFullYear()}`;

/** "today 14:36", "yesterday 09:10", "23 Nov 10:04", "23 Nov 2025". */
export function moment(at: string, now = Date.now()): string {
  const then = new Date(at);
  const days = Math.round((midnight(now) - midnight(then.getTime())) / DAY);
  if (days === 0) return `today ${clock.format(then)}`;
  if (days === 1) return `yesterday ${clock.format(then)}`;
  return sameYear(at, now) ? `${day(at)} ${clock.format(then)}` : date(at);
}

/** "Monday, 23 November 2026 at 10:04:12" */
export const exact = (at: string): string => full.format(new Date(at));

/** "Today", "Yesterday", "Monday, 23 Nov": heads of a list by days. */
export function dayName(at: string, now = Date.now()): string {
  const then = new Date(at);
  const days = Math.round((midnight(now) - midnight(then.getTime())) / DAY);
  if (days === 0) return 'Today';
  if (days === 1) return 'Yesterday';
  return sameYear(at, now) ? `${weekday.format(then)}, ${day(at)}` : date(at);
}

export const clockTime = (at: string): string => clock.format(new Date(at));

/** "8:42" until `at`; "0:00" when it is over. */
export function countdown(at: string, now = Date.now()): string {
  const seconds = Math.max(0, Math.ceil((Date.parse(at) - now) / 1000));
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`;
}

/** `one` or `many` with the number in front: "1 sign-in", "8 sign-ins". */
export const count = (n: number, one: string, many: string): string => `${n.toLocaleString('en-GB')} ${n === 1 ? one : many}`;

/** "640 bytes", "12 kB", "2.9 GB": as people say sizes. */
export function size(bytes: number): string {
  if (bytes < 1000) return count(bytes, 'byte', 'bytes');
  const units = ['kB', 'MB', 'GB', 'TB'];
  let at = bytes / 1000;
  let unit = 0;
  while (at >= 999.5 && unit < units.length - 1) {
    at /= 1000;
    unit += 1;
  }
  return `${at < 9.95 && unit > 0 ? at.toFixed(1) : Math.round(at)} ${units[unit]}`;
}

function day(at: string): string {
  const then = new Date(at);
  return `${then.getDate()} ${MONTHS[then.getMonth()]}`;
}

const sameYear = (at: string, now: number): boolean => new Date(at).getFullYear() === new Date(now).getFullYear();

function midnight(at: number): number {
  return new Date(at).setHours(0, 0, 0, 0);
}
