/** How often changes are looked for, as the engine takes it. */
export const HOURS = [
  { value: '0', label: 'Off' },
  { value: '3', label: '3 h' },
  { value: '6', label: '6 h' },
  { value: '12', label: '12 h' },
  { value: '24', label: '24 h' },
];
