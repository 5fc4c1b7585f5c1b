/** Commands that are printed for people to copy. */

/**
 * A path or name as one word of a shell: in quotes where a shell would take it apart or for an
 * option.
 */
export function shellWord(text: string): string {
  if (/^[\w@%+=:,./][\w@%+=:,./-]*$/.test(text)) return text;
  // An option begins with a dash, whatever the quotes.
  const word = text.startsWith("-") ? `./${text}` : text;
  return /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
