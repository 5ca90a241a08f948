/** Stages of a run in which single weights may go beside channels: what zeros cost, and the network that both choices make. */
import { UsageError } from "../../core/errors.ts";
import { readFileBytes, readJson, sha256, writeJson } from "../../core/files.ts";
import { isSameFile } from "../../core/guarded-files.ts";
import { DAMAGES } from "../../documents/damages.ts";
import { writeDocument } from "../../documents/document.ts";
import { SPARSIFY } from "../../documents/sparsify.ts";
import { writeModel } from "../../onnx/write.ts";
import { parseSubnet } from "../../subnet/subnet-file.ts";
import { measureDamages } from "../sparsify/measure-damages.ts";
import type { SparsifyRequest } from "../sparsify/request.ts";
import { sparsifyOpened } from "../sparsify/sparsify-network.ts";
import { trainingData } from "./prune-images.ts";
import { type PruneJob, type PruneOptions, staged } from "./prune-stages.ts";

export const DAMAGES_FILE = "damages.json";
const SPARSE_FILE = "sparse.onnx";

/** Whether single weights may go. */
export function isSparse({ sparsity, damages }: PruneOptions): boolean {
  return sparsity !== undefined || damages !== undefined;
}

/** The options with the score that zeros can be weighed against; others are refused when the program is put together. */
export function scoredForZeros<Options extends PruneOptions>(options: Options): Options {
  const isOpen = options.method === "auto" && options.importance === undefined;
  return isSparse(options) && isOpen ? { ...options, method: "sensitivity" } : options;
}

/** How weights are measured, removed and fitted. */
const FITTING: Omit<SparsifyRequest, "limits" | "components" | "repair" | "seed" | "threads"> = {
  score: "magnitude",
  rates: "program",
  pattern: "none",
  format: "zeros",
  keepDense: null,
  damage: "squares",
  images: 512,
  measured: 128,
  batch: 32,
  labels: "self",
  ridge: 0.01,
  looks: 2,
  rounds: 4,
  passes: 1,
  refine: 0,
  memory: 2,
};

async function requestOf(job: PruneJob): Promise<SparsifyRequest> {
  const { dataConfig, seed, threads, correct } = job.options;
  const data = await trainingData(job);
  return {
    ...FITTING,
    ...{ data, dataConfig, seed, threads },
    repair: correct === false || data === undefined ? "none" : "least-squares",
    limits: { limit: [], soft: [], penalty: [], minimize: null },
    components: new Map(),
  };
}

function keyOf({ open }: PruneJob, request: SparsifyRequest): readonly unknown[] {
  const { data, dataConfig, seed, repair } = request;
  const config = dataConfig === undefined ? null : sha256(readFileBytes(dataConfig));
  return [open.hash, data, config, seed, repair, FITTING];
}

/**
 * Measures what zeros cost in each layer, unless a file says so.
 * @throws UsageError `sparsify/needs-images`
 */
export async function damagesStage(job: PruneJob): Promise<void> {
  const { open, run, options, context } = job;
  const { damages: given } = options;
  const request = await requestOf(job);
  if (given === undefined && request.data === undefined) {
    throw new UsageError({
      code: "sparsify/needs-images",
      message: "What zeros cost is measured on images, and none are named.",
      where: "--data",
      hint: "Name images with --data (none needs a label), or measured damages with --damages.",
    });
  }
  const dependsOn = given === undefined ? keyOf(job, request) : [sha256(readFileBytes(given))];
  await staged(job, "damages", dependsOn, [DAMAGES_FILE], async () => {
    const own = run.path(DAMAGES_FILE);
    if (given === undefined)
      writeDocument(DAMAGES, own, await measureDamages(open, request, context));
    else if (!isSameFile(given, own)) writeJson(own, readJson(given));
  });
}

/**
 * The network of the subnet and its densities: cut, masked, and fitted once for both.
 * @returns its file in the run's folder
 */
export async function sparsifyStage(job: PruneJob): Promise<string> {
  const { open, run, context } = job;
  const request = await requestOf(job);
  const subnetPath = run.path("subnet.json");
  const dependsOn = [...keyOf(job, request), sha256(readFileBytes(subnetPath))];
  await staged(job, "sparsify", dependsOn, [SPARSE_FILE, "sparsify.json"], async () => {
    const { subnet, notes } = parseSubnet(readJson(subnetPath), open.structure, subnetPath);
    const densities = new Map(Object.entries(notes.densities ?? {}));
    const made = await sparsifyOpened(open, request, context, { subnet, densities });
    const out = run.path(SPARSE_FILE);
    writeModel(made.model, out);
    writeDocument(SPARSIFY, run.path("sparsify.json"), {
      ...made.report,
      ...{ out, accuracy: null, judgedOn: null },
    });
  });
  return SPARSE_FILE;
}
