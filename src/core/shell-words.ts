/** A word as a POSIX shell takes it: in quotes where it holds anything that the shell would read. */
export function quotedWord(word: string): string {
  return /^[\w./:=@%+,-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
}
