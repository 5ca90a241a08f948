import { existsSync } from "node:fs";
import { z } from "zod";
import { InputError } from "../../core/errors.ts";
import { appendLine, readFileBytes, sha256, writeFileAtomic } from "../../core/files.ts";
import type { Subnet } from "../../subnet/subnet.ts";
import { RUN_SAMPLE, type RunSample } from "../run-sample.ts";

/** What must be the same for samples to be used together: network, device, runtime and settings. */
export type SampleConfig = Readonly<Record<string, string | number | null>>;

const HEADER = z.object({
  schema: z.literal("mdp-latency-samples/1"),
  config: z.record(z.string(), z.union([z.string(), z.number(), z.null()])),
  ops: z.array(z.string()),
});

/** A file that every finished run is appended to at once, so that a killed profile goes on where it was. */
export interface SampleFile {
  readonly samples: readonly RunSample[];
  readonly find: (key: string) => RunSample | null;
  readonly add: (sample: RunSample) => void;
}

/** Identifies a subnet by what its time depends on: how many units stay of each dim, and what is dropped. */
export function subnetKey(subnet: Subnet): string {
  const counts = subnet.kept.map((units) => units.length);
  const text = JSON.stringify([counts, subnet.droppedBlocks, subnet.droppedLayers]);
  return sha256(text).slice(0, 16);
}

/**
 * Opens or starts the file. A last line that was cut off is dropped.
 * @param ops ids of the operations that the times are of
 * @throws InputError `latency/other-samples` where the file holds samples of another network, device or setting
 */
export function openSamples(
  path: string,
  config: SampleConfig,
  ops: readonly string[],
): SampleFile {
  const header = { schema: "mdp-latency-samples/1", config, ops };
  const samples = existsSync(path) ? readSamples(path, header) : [];
  writeFileAtomic(path, [header, ...samples].map((line) => `${JSON.stringify(line)}\n`).join(""));
  const byKey = new Map(samples.map((sample) => [sample.key, sample]));
  return {
    samples,
    find: (key) => byKey.get(key) ?? null,
    add: (sample) => {
      samples.push(sample);
      byKey.set(sample.key, sample);
      appendLine(path, JSON.stringify(sample));
    },
  };
}

function readSamples(
  path: string,
  expected: { readonly config: SampleConfig; readonly ops: readonly string[] },
): RunSample[] {
  const lines = new TextDecoder().decode(readFileBytes(path)).split("\n");
  const header = HEADER.safeParse(parseLine(lines[0] ?? ""));
  if (!header.success) throw otherSamples(path, "its first line is no header of latency samples");
  const [found, wanted] = [header.data.config, expected.config];
  const different = [...new Set([...Object.keys(found), ...Object.keys(wanted)])].filter(
    (key) => (found[key] ?? null) !== (wanted[key] ?? null),
  );
  if (different.length > 0) {
    const texts = different.map(
      (key) => `${key} ${found[key] ?? "-"} instead of ${wanted[key] ?? "-"}`,
    );
    throw otherSamples(path, texts.join(", "));
  }
  if (JSON.stringify(header.data.ops) !== JSON.stringify(expected.ops)) {
    throw otherSamples(path, "its operations are others");
  }
  return lines.slice(1).flatMap((line) => {
    const sample = RUN_SAMPLE.safeParse(parseLine(line));
    return sample.success && sample.data.opMs.length === expected.ops.length ? [sample.data] : [];
  });
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line) as unknown;
  } catch {
    return null;
  }
}

function otherSamples(path: string, what: string): InputError {
  return new InputError({
    code: "latency/other-samples",
    message: `There are samples of another measurement: ${what}.`,
    where: path,
    hint: "Choose another --out, or move the file away to measure again.",
  });
}
