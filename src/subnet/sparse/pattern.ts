import { UsageError } from "../../core/errors.ts";

/** Which groups of weights a mask removes together. */
export type Pattern =
  /** Single weights, anywhere. */
  | { readonly kind: "none" }
  /** Of every `of` consecutive input channels, per output channel and kernel position, `kept` stay: what sparse tensor cores read. */
  | { readonly kind: "n:m"; readonly kept: number; readonly of: number }
  /**
   * The kernels of `size` consecutive output channels over one input channel stay or go together (1xN pattern, Lin et al.,
   * 2105.14713).
   */
  | { readonly kind: "channel-block"; readonly size: number };

/** Largest M of an N:M pattern and largest block: longer groups are no pattern that hardware or a format knows. */
const LARGEST_GROUP = 64;
const DEFAULT_BLOCK = 4;

/**
 * `none`, `2:4`, `N:M`, `channel-block` or `channel-block:8`.
 * @throws UsageError `sparsify/bad-pattern`
 */
export function parsePattern(text: string): Pattern {
  if (text === "none") return { kind: "none" };
  const [, kept, of] = /^(\d+):(\d+)$/.exec(text) ?? [];
  if (kept !== undefined && of !== undefined) {
    const [n, m] = [Number(kept), Number(of)];
    if (n >= 1 && n < m && m <= LARGEST_GROUP) return { kind: "n:m", kept: n, of: m };
    throw badPattern(
      `'${text}' keeps ${n} of every ${m} weights; N must be at least 1 and below M, and M at most ${LARGEST_GROUP}.`,
    );
  }
  const [block, , size] = /^channel-block(:(\d+))?$/.exec(text) ?? [];
  if (block !== undefined) {
    const channels = size === undefined ? DEFAULT_BLOCK : Number(size);
    if (channels >= 2 && channels <= LARGEST_GROUP)
      return { kind: "channel-block", size: channels };
    throw badPattern(`A block of ${channels} channels: 2 to ${LARGEST_GROUP} are possible.`);
  }
  throw badPattern(`'${text}' is no pattern.`);
}

/** As it is written on the command line. */
export function patternText(pattern: Pattern): string {
  switch (pattern.kind) {
    case "none":
      return "none";
    case "n:m":
      return `${pattern.kept}:${pattern.of}`;
    case "channel-block":
      return `channel-block:${pattern.size}`;
    default:
      return pattern satisfies never;
  }
}

function badPattern(message: string): UsageError {
  return new UsageError({
    code: "sparsify/bad-pattern",
    message,
    where: "--pattern",
    hint: "Write none, 2:4 (or another N:M with N below M), channel-block or channel-block:8.",
  });
}
