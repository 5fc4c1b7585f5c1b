/** Text of files in messages: its beginning where it is long. */

/** `abc… (2,000 characters)` */
export function cut(text: string, longest = 60): string {
  if (text.length <= longest) return text;
  // Not between the halves of a character.
  const end = /[\uD800-\uDBFF]/.test(text[longest - 1]!) ? longest - 1 : longest;
  return `${text.slice(0, end)}… (${text.length.toLocaleString("en")} characters)`;
}
