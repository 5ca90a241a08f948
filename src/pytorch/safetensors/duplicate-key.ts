/**
 * The first key that an object of the text has twice; null where none has. `JSON.parse` keeps the last of them silently, so that
 * two readers could see two files. Requires that the text is valid JSON.
 */
export function duplicateKey(json: string): string | null {
  // Keys of the objects that are open, and null for an open array.
  const open: (Set<string> | null)[] = [];
  for (let at = 0; at < json.length; at += 1) {
    const char = json[at];
    if (char === "{") open.push(new Set());
    else if (char === "[") open.push(null);
    else if (char === "}" || char === "]") open.pop();
    if (char !== '"') continue;
    const end = stringEnd(json, at);
    if (isKey(json, end)) {
      // Two spellings of one key (\u0061 and a) are one key.
      const key = String(JSON.parse(json.slice(at, end)));
      if (open.at(-1)?.has(key) === true) return key;
      open.at(-1)?.add(key);
    }
    at = end - 1;
  }
  return null;
}

/** Index behind the closing quote of the string that begins at `start`. */
function stringEnd(json: string, start: number): number {
  let at = start + 1;
  while (at < json.length && json[at] !== '"') at += json[at] === "\\" ? 2 : 1;
  return at + 1;
}

function isKey(json: string, end: number): boolean {
  let at = end;
  while (" \t\r\n".includes(json[at] ?? "x")) at += 1;
  return json[at] === ":";
}
