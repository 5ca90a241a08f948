import { existsSync } from "node:fs";
import { z } from "zod";
import { InputError } from "../core/errors.ts";
import { readFileBytes, writeChunksAtomic } from "../core/files.ts";
import { firstIssues } from "../core/schema.ts";
import type { EpochMetrics } from "./metrics.ts";

/** Everything that a run needs to go on as if it had never stopped. */
export interface Checkpoint {
  /** Hash of what must not change between the parts of a run: recipe, networks, data. */
  readonly key: string;
  /** Epochs that are finished. */
  readonly epoch: number;
  /** Batches of the next epoch that are done. */
  readonly batches: number;
  /** Steps of the optimiser so far. */
  readonly steps: number;
  readonly best: { readonly epoch: number; readonly top1: number } | null;
  /** Seconds of training so far. */
  readonly seconds: number;
  /** Sums over the part of the epoch that is done, by name. */
  readonly sums: Readonly<Record<string, number>>;
  readonly history: readonly EpochMetrics[];
  /** Weights, statistics, the optimiser's state, gradients that are not yet applied. */
  readonly arrays: Readonly<Record<string, Float32Array>>;
}

const MAGIC = "mdpckpt1";
const count = z.int().nonnegative();
const number = z.number().nullable();

const METRICS = z.object({
  epoch: count,
  step: count,
  rate: z.number(),
  batch: count,
  loss: z.number(),
  labelLoss: number,
  scoreLoss: number,
  featureLoss: number,
  outputLoss: number,
  trainTop1: number,
  validationTop1: number,
  validationTop5: number,
  imagesPerSecond: z.number(),
  overhead: z.number(),
  seconds: z.number(),
});

const HEADER = z.object({
  schema: z.literal("mdp-checkpoint/1"),
  key: z.string(),
  epoch: count,
  batches: count,
  steps: count,
  best: z.object({ epoch: count, top1: z.number() }).nullable(),
  seconds: z.number().nonnegative(),
  sums: z.record(z.string(), z.number()),
  history: z.array(METRICS),
  arrays: z.array(z.object({ name: z.string(), length: count })),
});

/**
 * Writes a checkpoint, whole or not at all: eight bytes that name the format, the length of a JSON header, the header, then the
 * arrays that it lists as little-endian float32.
 * @throws InputError `core/write-failed`
 */
export function writeCheckpoint(path: string, checkpoint: Checkpoint): void {
  const { arrays, ...rest } = checkpoint;
  const entries = Object.entries(arrays);
  const header = new TextEncoder().encode(
    JSON.stringify({
      schema: "mdp-checkpoint/1",
      ...rest,
      arrays: entries.map(([name, { length }]) => ({ name, length })),
    }),
  );
  // Arrays start at a multiple of four, so that they can be read as they lie.
  const padding = (4 - (header.byteLength % 4)) % 4;
  const start = new Uint8Array(12 + header.byteLength + padding).fill(0x20);
  start.set(new TextEncoder().encode(MAGIC));
  new DataView(start.buffer).setUint32(8, header.byteLength + padding, true);
  start.set(header, 12);
  const data = entries.map(
    ([, array]) => new Uint8Array(array.buffer, array.byteOffset, array.byteLength),
  );
  writeChunksAtomic(path, [start, ...data]);
}

/**
 * A checkpoint that was written before; null where there is none.
 * @throws InputError `training/bad-checkpoint`, `core/read-failed`
 */
export function readCheckpoint(path: string): Checkpoint | null {
  if (!existsSync(path)) return null;
  const bytes = readFileBytes(path);
  if (new TextDecoder().decode(bytes.subarray(0, 8)) !== MAGIC || bytes.byteLength < 12) {
    throw damaged(path, "It does not begin as a checkpoint does");
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = 12 + view.getUint32(8, true);
  const { arrays: lengths, schema: _, ...rest } = parseHeader(bytes.subarray(12, end), path);
  const arrays: Record<string, Float32Array> = {};
  let at = end;
  for (const { name, length } of lengths) {
    const next = at + 4 * length;
    if (next > bytes.byteLength) throw damaged(path, `It ends before '${name}' does`);
    arrays[name] = new Float32Array(new Uint8Array(bytes.subarray(at, next)).buffer);
    at = next;
  }
  if (at !== bytes.byteLength) throw damaged(path, "Something follows its last array");
  return { ...rest, arrays };
}

function parseHeader(bytes: Uint8Array, path: string): z.infer<typeof HEADER> {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(bytes));
  } catch (cause) {
    throw damaged(path, "Its header is no JSON", cause);
  }
  const parsed = HEADER.safeParse(json);
  if (!parsed.success) throw damaged(path, `Its header is not valid: ${firstIssues(parsed.error)}`);
  return parsed.data;
}

function damaged(path: string, what: string, cause?: unknown): InputError {
  return new InputError({
    code: "training/bad-checkpoint",
    message: `The checkpoint can't be read. ${what.replace(/\.$/, "")}.`,
    where: path,
    hint: "Remove the file to start the run again; best.onnx and last.onnx beside it stay as they are.",
    cause,
  });
}
