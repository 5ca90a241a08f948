/**
 * Proves random subnets of every way to write attention (test/helpers/transformers.ts): half of the draws at batch 1, half at batch 2.
 * Prints a Markdown row per way: which dims can be pruned, and the largest difference from the masked original.
 *
 *   npx tsx scripts/prove-transformers.ts [--draws 20] [--seed 77] [PATTERN]
 */
import { parseArgs } from "node:util";
import { randomFrom } from "../src/core/random.ts";
import { modelOf } from "../src/onnx/model.ts";
import { findStructure } from "../src/structure/find-structure.ts";
import { proveSubnet } from "../src/subnet/prove.ts";
import { randomSubnet } from "../src/subnet/random-subnet.ts";
import { TRANSFORMERS } from "../test/helpers/transformers.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    draws: { type: "string", default: "20" },
    seed: { type: "string", default: "77" },
  },
});
const pattern = new RegExp(positionals[0] ?? "");
const each = Math.ceil(Number(values.draws) / 2);
let failed = 0;
console.log("| written as | prunable, by role | draws | failed | worst difference |");
console.log("| --- | --- | --: | --: | --: |");
for (const [name, make] of Object.entries(TRANSFORMERS)) {
  if (!pattern.test(name)) continue;
  const graph = make();
  const counts = new Map<string, number>();
  for (const { role, pinned } of findStructure(graph).dims)
    if (pinned === null) counts.set(role ?? "other", (counts.get(role ?? "other") ?? 0) + 1);
  let worst = 0;
  let wrong = 0;
  for (const batch of [1, 2]) {
    const structure = findStructure(graph, { batch });
    const random = randomFrom(Number(values.seed));
    for (let draw = 0; draw < each; draw += 1) {
      const subnet = randomSubnet(structure, random, { minKept: 0.2 });
      try {
        const proof = await proveSubnet(modelOf(graph), structure, subnet, { seed: draw, runs: 1 });
        worst = Math.max(worst, proof.maxRelative);
      } catch (error) {
        wrong += 1;
        console.error(`${name}, batch ${batch}, draw ${draw}: ${String(error)}`);
      }
    }
  }
  failed += wrong;
  const roles = [...counts].map(([role, count]) => `${role} ${count}`).join(", ");
  console.log(`| ${name} | ${roles} | ${2 * each} | ${wrong} | ${worst.toExponential(1)} |`);
}
process.exitCode = failed === 0 ? 0 : 6;
