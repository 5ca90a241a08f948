/**
 * Memory and time of one layer's repair as the pipeline does it: moments over two sets of samples and both together, the ridge that
 * the held ones choose, least squares on a random support, by the size of its inputs.
 *
 *   npx tsx scripts/sparsity/fit-memory.ts INPUTS OUTPUTS [DENSITY] [obs]
 *
 * Each size in a process of its own, as the peak is the process's. With `obs` the scores of the inverse covariance are taken too.
 */
import { randomFrom } from "../../src/core/random.ts";
import { surgeonScores } from "../../src/importance/sparse/surgeon.ts";
import { chosenRidge } from "../../src/subnet/correct/held-out.ts";
import { joinedMoments } from "../../src/subnet/correct/join-moments.ts";
import type { Update } from "../../src/subnet/correct/least-squares.ts";
import { type Moments, sumMoments } from "../../src/subnet/correct/moments.ts";
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
const momentsOf = async (samples: number): Promise<Moments> => {
  const sums = sumMoments(products, { groups: 1, unknowns, outputs: rows });
  await sums.add(
    { data: draw(unknowns * samples), samples },
    { data: draw(rows * samples), samples },
  );
  return sums.moments();
};
const halves = { fitted: await momentsOf(SAMPLES), held: await momentsOf(SAMPLES / 4) };
const moments = joinedMoments(halves.fitted, halves.held);
const weights = draw(rows * unknowns);
const support = Uint8Array.from({ length: weights.length }, () => (random.next() < share ? 1 : 0));
const moved = peak();
if (scores === "obs") await surgeonScores({ columns: unknowns }, weights, moments, products);
const scored = peak();
const started = performance.now();
const fit = (part: Moments, ridge: number): Promise<Update> =>
  fitOnSupport(part, weights, support, { ridge, freeBias: true, products });
const ridge = await chosenRidge(halves, 0.01, fit, products);
const { after, before: residual } = await fit(moments, ridge);
console.log(
  JSON.stringify({
    ...{ inputs: unknowns, outputs: rows, density: share },
    peakMiB: { start: before, moments: moved, scores: scored, fit: peak() },
    seconds: Math.round((performance.now() - started) / 100) / 10,
    ...{ left: after / residual, ridge },
  }),
);
await products.close();
