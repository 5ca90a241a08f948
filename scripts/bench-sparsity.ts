/**
 * Sparse ResNet-20 side by side: scores, rates, with and without repair, on images without labels.
 *
 *   npx tsx scripts/bench-sparsity.ts NETWORK.onnx --data TRAIN --test TEST --data-config CONFIG --out results.jsonl [--only 90] [--seed 1]
 *
 * One line of JSON per network; lines that are there already are not measured again, so that a run can be stopped and goes on.
 */
import { appendFileSync, existsSync, readFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { SILENT } from "../src/core/progress.ts";
import type { Rates } from "../src/formulation/sparsity/rates.ts";
import type { SparseScore } from "../src/importance/sparse/scores.ts";
import { openNetwork } from "../src/pipeline/open/network.ts";
import { judgeSparse } from "../src/pipeline/sparsify/judge.ts";
import type { SparsifyRequest } from "../src/pipeline/sparsify/request.ts";
import { sparsifyOpened } from "../src/pipeline/sparsify/sparsify-network.ts";

interface Method {
  readonly name: string;
  readonly score: SparseScore;
  readonly rates: Rates;
}

const METHODS: readonly Method[] = [
  { name: "ours: program, magnitude", score: "magnitude", rates: "program" },
  { name: "magnitude, global", score: "magnitude", rates: "global" },
  { name: "magnitude, LAMP", score: "magnitude", rates: "lamp" },
  { name: "magnitude, ERK", score: "magnitude", rates: "erk" },
  { name: "magnitude, uniform", score: "magnitude", rates: "uniform" },
  { name: "Wanda, LAMP", score: "wanda", rates: "lamp" },
  { name: "OBS score, LAMP", score: "obs", rates: "lamp" },
  { name: "singular, global", score: "singular", rates: "global" },
  { name: "SNIP, global", score: "snip", rates: "global" },
  { name: "ReFer, global", score: "refer", rates: "global" },
  { name: "AFR, global", score: "afr", rates: "global" },
];

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    data: { type: "string" },
    test: { type: "string" },
    "data-config": { type: "string" },
    out: { type: "string", default: "sparsity.jsonl" },
    only: { type: "string", multiple: true, default: ["90", "80", "70"] },
    method: { type: "string" },
    straight: { type: "boolean", default: false },
    seed: { type: "string", default: "1" },
    images: { type: "string", default: "512" },
    looks: { type: "string", default: "2" },
  },
});

const context = {
  progress: { ...SILENT, note: console.error },
  signal: new AbortController().signal,
  commandLine: "scripts/bench-sparsity.ts",
  onEvent: () => {},
};

async function main(): Promise<void> {
  const path = positionals[0];
  const open = await openNetwork(path);
  const done = existsSync(values.out) ? readFileSync(values.out, "utf8") : "";
  for (const share of values.only) {
    for (const { name, score, rates } of METHODS) {
      if (values.method !== undefined && !name.includes(values.method)) continue;
      for (const repair of values.straight
        ? (["none", "least-squares"] as const)
        : (["least-squares"] as const)) {
        const key = JSON.stringify({
          network: open.name,
          share,
          name,
          repair,
          seed: values.seed,
          images: values.images,
        });
        if (done.includes(key.slice(1, -1))) continue;
        const request: SparsifyRequest = {
          sparsity: `${share}%`,
          limits: { limit: [], soft: [], penalty: [], minimize: null },
          ...{ components: new Map(), score, rates, pattern: "none", repair, format: "zeros" },
          // As usual in comparisons, the first layer and the classifier stay dense where a rule chooses.
          keepDense: rates === "program" ? null : /^(conv1|linear|fc)$/,
          ...{ data: values.data, dataConfig: values["data-config"], split: undefined },
          ...{ images: Number(values.images), measured: 128, batch: 32, labels: "self" },
          ...{ ridge: 0.01, looks: Number(values.looks), rounds: 1, memory: 2, threads: 2 },
          seed: Number(values.seed),
        };
        try {
          const sparse = await sparsifyOpened(open, request, context);
          const judged = await judgeSparse(
            open,
            sparse,
            { ...request, test: values.test, limit: 500 },
            context,
          );
          const { total, seconds, program } = sparse.report;
          const accuracy = Object.fromEntries(
            (judged?.accuracy ?? []).map(({ name: of, top1 }) => [of, top1]),
          );
          const line = {
            ...{
              network: open.name,
              share,
              name,
              repair,
              seed: values.seed,
              images: values.images,
            },
            ...{
              accuracy,
              zeros: 1 - total.nonzeros / total.weights,
              gzip: total.gzip.sparse / total.gzip.dense,
            },
            ...{
              knowledgeOfWeights: total.knowledgeOfWeights,
              knowledgeOfOutputs: total.knowledgeOfOutputs,
            },
            ...{ damage: program?.damage ?? null, seconds: seconds.total, rates: seconds.rates },
          };
          appendFileSync(values.out, `${JSON.stringify(line)}\n`);
        } catch (error) {
          appendFileSync(
            values.out,
            `${JSON.stringify({ network: open.name, share, name, repair, seed: values.seed, images: values.images, error: String(error) })}\n`,
          );
        }
      }
    }
  }
}

await main();
