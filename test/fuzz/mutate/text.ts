import type { Random } from "../../../src/core/random.ts";

const WORDS = [
  ...[
    "",
    " ",
    "(",
    ")",
    ",",
    ";",
    "-",
    "+",
    "*",
    "/",
    "^",
    "'",
    '"',
    "<=",
    ">=",
    "==",
    "=",
    "%",
    ":",
    "\n",
    "\t",
  ],
  ...[
    "0",
    "-1",
    "1e999",
    "1e308",
    "NaN",
    "Infinity",
    "9007199254740993",
    "0x10",
    "1/0",
    "ms",
    "MiB",
    "dense",
    "null",
  ],
  ...[
    "__proto__",
    "constructor",
    "\u0000",
    "\ufeff",
    "ä",
    "\ud800",
    "latency",
    "params",
    "count('*')",
    "{}",
    "[]",
  ],
];

/** The text after one to four changes of words and marks; once in a while something is there thousands of times. */
export function mutatedText(text: string, random: Random): string {
  let tokens: readonly string[] = text.match(/\w+|\s+|[^\w\s]/g) ?? [];
  for (let left = 1 + random.integer(4); left > 0; left -= 1) {
    const at = random.integer(tokens.length + 1);
    const word = WORDS[random.integer(WORDS.length)] ?? "";
    const other = tokens[random.integer(tokens.length)] ?? "";
    const choices = [
      (): readonly string[] => [...tokens.slice(0, at), word, ...tokens.slice(at)],
      (): readonly string[] => [...tokens.slice(0, at), word, ...tokens.slice(at + 1)],
      (): readonly string[] => [...tokens.slice(0, at), ...tokens.slice(at + 1)],
      (): readonly string[] => [...tokens.slice(0, at), other, ...tokens.slice(at)],
      (): readonly string[] => [...tokens.slice(0, at), ...tokens],
      (): readonly string[] => tokens.slice(0, at),
    ];
    tokens = choices[random.integer(choices.length)]?.() ?? tokens;
  }
  if (random.integer(60) !== 0) return tokens.join("");
  const at = random.integer(tokens.length);
  const many = (tokens[at] ?? "(").repeat([600, 5000][random.integer(2)] ?? 600);
  return [...tokens.slice(0, at), many, ...tokens.slice(at + 1)].join("");
}
