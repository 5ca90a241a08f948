import { join } from "node:path";
import { makeFolder, readFileBytes, sha256 } from "../../core/files.ts";
import { readDocument, writeDocument } from "../../documents/document.ts";
import { SPLIT } from "../../documents/pair.ts";
import type { RunSummary } from "../../documents/run.ts";
import { joinFiles } from "../pair/join-files.ts";
import { joinedPair } from "../pair/joined-model.ts";
import { splitFile } from "../pair/split-file.ts";
import type { RunContext } from "../run-context.ts";
import { type PruneJob, staged } from "./prune-stages.ts";

/** Where two networks are pruned as one. */
export interface PairOptions {
  /** ONNX file of the other network. */
  readonly second?: string | undefined;
  /** The two embeddings, between a comma; found by their width where left out. */
  readonly pairs?: string | undefined;
  /** Leave out all other outputs. */
  readonly embeddingsOnly?: boolean | undefined;
}

/** The network to prune: the one that is named, or both as one, written into the run's folder. The same files give the same bytes. */
export function networkOfPair(
  first: string | undefined,
  { second, pairs, embeddingsOnly }: PairOptions,
  folder: string,
  context: RunContext,
): string | undefined {
  if (first === undefined || second === undefined) return first;
  makeFolder(folder);
  const out = join(folder, "joined.onnx");
  const named = pairs?.split(",").map((name) => name.trim());
  joinFiles({ files: [first, second], pairs: named, embeddingsOnly, out }, context);
  return out;
}

const SPLIT_FILE = "split.json";

/** Takes the last network of a run apart where it was joined of two. @returns undefined for any other network */
export async function splitStage(job: PruneJob, last: string): Promise<RunSummary["parts"]> {
  const { open, run, options } = job;
  const pair = joinedPair(open.model, open.path);
  if (pair === null) return undefined;
  const { bind } = open.structure;
  const { seed } = options;
  const source = run.path(last);
  const files = pair.parts.map(({ name }) => join("parts", `${name}.onnx`));
  const dependsOn = [sha256(readFileBytes(source)), seed];
  await staged(job, "split", dependsOn, [SPLIT_FILE, ...files], async () => {
    const parts = await splitFile(source, run.path("parts"), { seed, bind });
    const schema = "mdp-split/1" as const;
    writeDocument(SPLIT, run.path(SPLIT_FILE), { schema, model: last, parts });
  });
  return readDocument(SPLIT, run.path(SPLIT_FILE)).parts;
}
