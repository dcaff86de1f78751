/** A port as a number; the engine never sees what cannot be one. `field`: where it was typed. */
export function port(text: string, field: string): number {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0 && number <= 65_535) return number;
  throw { code: 'bad_input', message: 'This is not a port.', hint: 'A port is a whole number up to 65535.', field };
}
