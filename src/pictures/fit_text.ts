/**
 * A text that is no wider than `maxWidth`: as it is, or cut, with an ellipsis.
 *
 * @param measure The width of a text.
 */
export function fitText(
  text: string,
  maxWidth: number,
  measure: (text: string) => number,
): string {
  if (measure(text) <= maxWidth) return text;
  // Not between the halves of a character.
  const characters = [...text];
  let [fits, tooLong] = [0, characters.length];
  while (tooLong - fits > 1) {
    const middle = (fits + tooLong) >> 1;
    const short = characters.slice(0, middle).join('') + '…';
    if (measure(short) <= maxWidth) fits = middle;
    else tooLong = middle;
  }
  return characters.slice(0, fits).join('').trimEnd() + '…';
}
