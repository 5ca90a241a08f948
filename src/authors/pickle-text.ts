import type { Fail } from "./pickle-numpy.ts";

const MOST_DIGITS = 400;

/** `I`: a whole number, or 00 and 01 for False and True. */
export function intOfLine(line: string, fail: Fail): number | bigint | boolean {
  if (line === "00" || line === "01") return line === "01";
  return wholeOfLine(line, fail);
}

/** A number where it is exact, a bigint beyond 2^53. */
export function wholeOfLine(line: string, fail: Fail): number | bigint {
  if (!/^-?\d+$/.test(line) || line.length > MOST_DIGITS)
    return fail("a whole number without digits");
  return narrowed(BigInt(line));
}

/** Two's complement, little-endian; no bytes are 0. */
export function longOfBytes(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (const byte of bytes.toReversed()) value = (value << 8n) | BigInt(byte);
  const isNegative = ((bytes.at(-1) ?? 0) & 0x80) !== 0;
  return narrowed(isNegative ? value - (1n << BigInt(8 * bytes.length)) : value);
}

function narrowed(value: bigint): number | bigint {
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}

/** `F`: as Python's repr writes a float. */
export function numberOfLine(line: string, fail: Fail): number {
  const special: Readonly<Record<string, number>> = {
    inf: Number.POSITIVE_INFINITY,
    "-inf": Number.NEGATIVE_INFINITY,
    nan: Number.NaN,
  };
  const named = special[line];
  if (named !== undefined) return named;
  const isNumber = /^[-+]?(\d+\.?\d*|\.\d+)(e[-+]?\d+)?$/i.test(line);
  return isNumber && line.length <= MOST_DIGITS ? Number(line) : fail("a number without digits");
}

const ESCAPES: Readonly<Record<string, string>> = { n: "\n", r: "\r", t: "\t" };

/** `S`: a quoted text of Python 2, with its escapes. */
export function quotedText(line: string, fail: Fail): string {
  const [quote] = line;
  const isQuoted = line.length >= 2 && (quote === "'" || quote === '"') && line.endsWith(quote);
  if (!isQuoted) return fail("a text without its quotes");
  return line
    .slice(1, -1)
    .replaceAll(/\\(x[0-9a-fA-F]{2}|.)/g, (_, escaped: string) =>
      escaped.length === 3 && escaped.startsWith("x")
        ? String.fromCharCode(Number.parseInt(escaped.slice(1), 16))
        : (ESCAPES[escaped] ?? escaped),
    );
}

/** `V`: Latin-1 with \u and \U escapes. */
export function rawUnicode(line: string): string {
  return line.replaceAll(
    /\\u([0-9a-fA-F]{4})|\\U(00[01][0-9a-fA-F]{5})/g,
    (whole: string, short: string | undefined, long: string | undefined) => {
      const point = Number.parseInt(short ?? long ?? "", 16);
      return point <= 0x10ffff ? String.fromCodePoint(point) : whole;
    },
  );
}
