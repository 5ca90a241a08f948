import { existsSync } from "node:fs";
import { z } from "zod";
import { readJson, writeFileAtomic } from "../../core/files.ts";

/** Sums over the first batches of a pass, so that an interrupted one resumes where it stopped. */
export interface Partial {
  readonly batches: number;
  readonly images: number;
  /** SHA-256 of the images so far. */
  readonly hash: string;
  readonly sums: ReadonlyMap<string, Float64Array>;
}

const schema = z.object({
  schema: z.literal("mdp-partial-importance/1"),
  settings: z.string(),
  batches: z.int().nonnegative(),
  images: z.int().nonnegative(),
  hash: z.string(),
  /** Little-endian float64, as base64. */
  sums: z.record(z.string(), z.base64()),
});

/** More would not fit into one text. */
const LARGEST_BYTES = 256 * 2 ** 20;

/** Writes the sums, whole or not at all; nothing where they are too large for it. */
export function writePartial(path: string, settings: string, partial: Partial): void {
  const bytes = [...partial.sums.values()].reduce((total, sum) => total + sum.byteLength, 0);
  if (bytes > LARGEST_BYTES) return;
  const { batches, images, hash } = partial;
  const sums = Object.fromEntries(
    [...partial.sums].map(([name, sum]) => [
      name,
      Buffer.from(sum.buffer, sum.byteOffset, sum.byteLength).toString("base64"),
    ]),
  );
  const document = { schema: "mdp-partial-importance/1", settings, batches, images, hash, sums };
  writeFileAtomic(path, `${JSON.stringify(document, null, 1)}\n`);
}

/** The sums of an earlier run with the same settings; null where there is none: the pass then starts again. */
export function readPartial(path: string, settings: string): Partial | null {
  if (!existsSync(path)) return null;
  let json: unknown;
  try {
    json = readJson(path);
  } catch {
    return null;
  }
  const parsed = schema.safeParse(json);
  if (!parsed.success || parsed.data.settings !== settings) return null;
  const { batches, images, hash } = parsed.data;
  const sums = new Map(
    Object.entries(parsed.data.sums).map(([name, text]) => {
      const bytes = new Uint8Array(Buffer.from(text, "base64"));
      return [name, new Float64Array(bytes.buffer)] as const;
    }),
  );
  return { batches, images, hash, sums };
}
