/**
 * Solves programs of transformers with made-up tables (test/helpers/transformer-problems.ts), proof and certificate included:
 *
 *   npx tsx scripts/bench-transformers.ts [--only TEXT] [--share 0.5] [--repeat 3] [--no-certificate]
 *
 * Prints a Markdown table. CPU seconds are those of all threads of the process, user and system. The first solve of the process is a warm-up and isn't counted.
 */
import { cpus } from "node:os";
import { parseArgs } from "node:util";
import { createHighs } from "../solvers/highs.ts";
import { exactPresolve } from "../src/formulation/presolve/presolve.ts";
import { solveProblem } from "../src/formulation/solve/solve-problem.ts";
import { TRANSFORMER_SHAPES, transformerProblem } from "../test/helpers/transformer-problems.ts";

const { values } = parseArgs({
  options: {
    only: { type: "string", default: "" },
    share: { type: "string", default: "0.7,0.5,0.3" },
    repeat: { type: "string", default: "3" },
  },
});
const solver = createHighs();
const tiny = {
  stages: [{ blocks: 1, embedding: 96, heads: 3, columns: 32, mlp: 384, tokens: 64 }],
};
const warm = { ...TRANSFORMER_SHAPES["DeiT-B"], ...tiny };
await solveProblem(transformerProblem("warm-up", warm, { share: 0.5 }), [solver]);
console.log(
  "| program | status | seconds | CPU seconds | of it presolve | solver | choices | left | certificate | solver MiB | process MiB |",
);
console.log("| --- | --- | --: | --: | --: | --: | --: | --: | --- | --: | --: |");
for (const [name, shape] of Object.entries(TRANSFORMER_SHAPES)) {
  if (!name.includes(values.only)) continue;
  for (const share of values.share.split(",").map(Number)) {
    const problem = transformerProblem(name, shape, { share });
    const runs: { seconds: number; line: string }[] = [];
    for (let run = 0; run < Number(values.repeat); run += 1) {
      let presolved = 0;
      const before = process.cpuUsage();
      const answer = await solveProblem(problem, [solver], {
        timeLimitSeconds: 120,
        presolve: async (each, effort) => {
          const began = performance.now();
          const reduction = await exactPresolve(each, effort);
          presolved = (performance.now() - began) / 1000;
          return reduction;
        },
      });
      const { user, system } = process.cpuUsage(before);
      const { presolve, stats, seconds } = answer;
      const certified = answer.notes.length === 0 ? "yes" : answer.notes.join(" ");
      const cells = [
        ...[problem.name, answer.status, seconds.toFixed(2), ((user + system) / 1e6).toFixed(2)],
        ...[
          presolved.toFixed(2),
          stats.seconds.toFixed(2),
          presolve?.choices ?? "",
          presolve?.choicesLeft ?? "",
          certified,
        ],
        Math.round(stats.memoryBytes / 2 ** 20),
        Math.round(process.resourceUsage().maxRSS / 1024),
      ];
      runs.push({ seconds, line: `| ${cells.join(" | ")} |` });
    }
    runs.sort((a, b) => a.seconds - b.seconds);
    console.log(runs[Math.floor(runs.length / 2)]?.line);
  }
}
console.log(
  `\n${cpus()[0]?.model.trim()}, ${cpus().length} cores, Node ${process.version}, median of ${values.repeat}`,
);
await solver.close();
