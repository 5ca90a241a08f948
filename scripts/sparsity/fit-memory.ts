/**
 * Memory and time of one layer's repair: least squares on a random support, by the size of its inputs.
 *
 *   npx tsx scripts/sparsity/fit-memory.ts INPUTS OUTPUTS [DENSITY] [obs]
 *
 * Each size in a process of its own, as the peak is the process's. With `obs` the scores of the inverse covariance are taken too.
 */
import { randomFrom } from "../../src/core/random.ts";
import { surgeonScores } from "../../src/importance/sparse/surgeon.ts";
import { sumMoments } from "../../src/subnet/correct/moments.ts";
import { openProducts } from "../../src/subnet/correct/products.ts";
import { fitOnSupport } from "../../src/subnet/sparse/fit.ts";

const [inputs = "4608", outputs = "512", density = "0.2", scores = ""] = process.argv.slice(2);
const [unknowns, rows, share] = [Number(inputs), Number(outputs), Number(density)];
/** Fewer samples than inputs: the covariance is singular, which is the harder case. */
const SAMPLES = 2048;
const random = randomFrom(1);
const draw = (count: number): Float32Array =>
  Float32Array.from({ length: count }, () => 2 * random.next() - 1);
const peak = (): number => Math.round(process.resourceUsage().maxRSS / 1024);

const products = await openProducts(2);
const before = peak();
const sums = sumMoments(products, { groups: 1, unknowns, outputs: rows });
await sums.add(
  { data: draw(unknowns * SAMPLES), samples: SAMPLES },
  { data: draw(rows * SAMPLES), samples: SAMPLES },
);
const moments = sums.moments();
const weights = draw(rows * unknowns);
const support = Uint8Array.from({ length: weights.length }, () => (random.next() < share ? 1 : 0));
const moved = peak();
if (scores === "obs") await surgeonScores({ columns: unknowns }, weights, moments, products);
const scored = peak();
const started = performance.now();
const { after, before: residual } = await fitOnSupport(moments, weights, support, {
  ...{ ridge: 0.01, freeBias: true, products },
});
console.log(
  JSON.stringify({
    ...{ inputs: unknowns, outputs: rows, density: share },
    peakMiB: { start: before, moments: moved, scores: scored, fit: peak() },
    seconds: Math.round((performance.now() - started) / 100) / 10,
    left: after / residual,
  }),
);
await products.close();
