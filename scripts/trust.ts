/**
 * Checks thousands of random programs: label setting, HiGHS, GLPK and trying all selections must agree, and scaling, permuting and
 * loosening must change what they should and nothing else (test/helpers/trust.ts):
 *
 *   npm run trust -- [--count 2000] [--seed 1] [--medium 50] [--no-glpk]
 *
 * `--medium` counts programs of some size, where the presolve is compared with HiGHS on the plain program. Seeds count up
 * from --seed. Exit code 1 and the seed at the first disagreement.
 */
import { parseArgs } from "node:util";
import { createGlpk, hasGlpk } from "../solvers/glpk.ts";
import { createHighs } from "../solvers/highs.ts";
import { trustMediumSeed, trustSeed } from "../test/helpers/trust.ts";

const { values: options } = parseArgs({
  options: {
    count: { type: "string", default: "2000" },
    seed: { type: "string", default: "1" },
    medium: { type: "string", default: "0" },
    "no-glpk": { type: "boolean", default: false },
  },
});
const [count, first, medium] = [options.count, options.seed, options.medium].map(Number);
const highs = createHighs();
const solvers = hasGlpk() && !options["no-glpk"] ? [highs, createGlpk()] : [highs];
const began = performance.now();
let infeasible = 0;
try {
  for (let at = 0; at < (count ?? 0); at += 1) {
    const seed = (first ?? 1) + at;
    if ((await trustSeed(seed, solvers)) === null) infeasible += 1;
    if ((at + 1) % 200 === 0) console.error(`${at + 1} of ${count}, ${seconds()} s`);
  }
  for (let at = 0; at < (medium ?? 0); at += 1) {
    const seed = (first ?? 1) + at;
    if ((await trustMediumSeed(seed, highs)) === null) infeasible += 1;
    console.error(`medium ${at + 1} of ${medium}, ${seconds()} s`);
  }
  const names = solvers.map(({ name }) => name).join(" = ");
  console.log(
    `${count} small and ${medium} medium programs, ${infeasible} of them infeasible: label setting = ${names} = all selections; ${seconds()} s`,
  );
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
} finally {
  await Promise.all(solvers.map((solver) => solver.close()));
}

function seconds(): string {
  return ((performance.now() - began) / 1000).toFixed(0);
}
