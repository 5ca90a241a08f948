/**
 * Feeds changed files to everything that reads files, and looks for what is neither an answer nor a clear error:
 *
 *   npm run fuzz -- [--minutes 5 | --count N] [--seed 1] [--target NAME] [--from INDEX] [--keep fuzz-findings]
 *
 * `--minutes` is divided among the targets (test/fuzz/targets.ts); `--count` tries so many inputs of each. An input depends on
 * seed, target and index alone: `--target onnx --seed 1 --from 733 --count 1` repeats one. An internal error, a crash, more than
 * 10 s or more than 1 GB for one input is a finding; its input is kept, as short as it could be made. Exit code 1 where
 * there is one.
 */
import { parseArgs } from "node:util";
import { type FuzzResult, runTarget } from "../test/fuzz/run-target.ts";
import { TARGETS } from "../test/fuzz/targets.ts";
import { placeOf } from "../test/fuzz/try-input.ts";

const { values: options } = parseArgs({
  options: {
    minutes: { type: "string", default: "5" },
    count: { type: "string" },
    seed: { type: "string", default: "1" },
    target: { type: "string", multiple: true },
    from: { type: "string", default: "0" },
    keep: { type: "string", default: "fuzz-findings" },
  },
});
const names = options.target ?? Object.keys(TARGETS);
const unknown = names.find((name) => TARGETS[name] === undefined);
if (unknown !== undefined) {
  console.error(`no target '${unknown}': ${Object.keys(TARGETS).join(", ")}`);
  process.exit(2);
}
const isCounted = options.count !== undefined;
let [tried, faults] = [0, 0];
for (const target of names) {
  const result = await runTarget({
    ...{ target, seed: Number(options.seed), from: Number(options.from), keep: options.keep },
    count: isCounted ? Number(options.count) : Number.POSITIVE_INFINITY,
    seconds: isCounted ? Number.POSITIVE_INFINITY : (60 * Number(options.minutes)) / names.length,
    ...{ hangSeconds: 10, mostMegabytes: 1024 },
  });
  tried += result.tried;
  faults += result.findings.length;
  report(target, result);
}
console.log(`${tried} inputs of ${names.length} targets, seed ${options.seed}: ${faults} faults`);
process.exitCode = faults > 0 ? 1 : 0;

function report(target: string, { tried: inputs, findings, hits }: FuzzResult): void {
  console.log(`${target}: ${inputs} inputs, ${findings.length} faults`);
  for (const { kind, what, seed, index } of findings) {
    const times = hits.get(`${kind}${placeOf(what)}`) ?? 1;
    console.log(`  ${kind}, ${times} times: ${what}`);
    console.log(`    npm run fuzz -- --target ${target} --seed ${seed} --from ${index} --count 1`);
  }
}
