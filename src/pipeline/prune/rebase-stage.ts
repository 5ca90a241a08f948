import { readFileBytes, readJson, sha256 } from "../../core/files.ts";
import { writeDocument } from "../../documents/document.ts";
import { REBASE } from "../../documents/rebase.ts";
import { findPairs } from "../../subnet/rebase/find-attention.ts";
import { openNetwork } from "../open/network.ts";
import { rebaseOpened } from "../rebase/rebase-network.ts";
import { trainingData } from "./prune-images.ts";
import { type PruneJob, staged } from "./prune-stages.ts";

/** Images that the basis is chosen by. */
const IMAGES = 256;
const NETWORK = "rebased.onnx";
const REPORT = "rebase.json";

/**
 * Brings attention into the basis of its singular vectors, with a proof, and goes on with that network; with the network as it is where
 * there is nothing to bring, nobody wants it (`--no-rebase`), or scores are given that speak of the columns as they are.
 */
export async function rebaseStage(job: PruneJob): Promise<PruneJob> {
  const { open, run, options, context } = job;
  if (options.rebase === false) return job;
  const pairs = findPairs(open.structure);
  if (pairs.every(({ kind }) => kind === "refused")) {
    const [first] = pairs;
    if (first?.kind === "refused") {
      context.progress.note(`Attention keeps its basis: ${first.reason}.`);
    }
    return job;
  }
  if (options.importance !== undefined && speaksOf(options.importance) === open.hash) {
    context.progress.note(
      "Attention keeps its basis: the given scores are of its columns as they are. Leave --importance out to score in the new one.",
    );
    return job;
  }
  const data = await trainingData(job);
  const { dataConfig, seed } = options;
  const dependsOn = [
    ...[open.hash, data, seed, IMAGES],
    dataConfig === undefined ? null : sha256(readFileBytes(dataConfig)),
  ];
  await staged(job, "rebase", dependsOn, [NETWORK, REPORT], async () => {
    const out = run.path(NETWORK);
    const request = { data, dataConfig, images: IMAGES, seed };
    const { rebased, proof, images } = await rebaseOpened(open, request, out, context);
    const { pairs: made, refused } = rebased;
    const about = { schema: "mdp-rebase/1" as const, out: NETWORK, images };
    writeDocument(REBASE, run.path(REPORT), {
      ...about,
      pairs: [...made],
      refused: [...refused],
      proof,
    });
  });
  const { bind } = open.structure;
  const own = await openNetwork(run.path(NETWORK), { bind });
  const { name, embedded } = open;
  return { ...job, open: { ...own, name, embedded } };
}

/** Hash of the network that a file of scores is of; null where it doesn't say. */
function speaksOf(importance: string): string | null {
  const json = readJson(importance);
  const hash =
    typeof json === "object" && json !== null && "networkHash" in json ? json.networkHash : null;
  return typeof hash === "string" ? hash : null;
}
