/**
 * Importance kept by each method at one true latency, on the published and the synthetic instances:
 *
 *   npx tsx scripts/bench-compare.ts [--budgets own,70%,50%,30%] [--methods mdp,...] [--only TEXT] [--json]
 *
 * A budget is the instance's own or a share of its dense latency. Prints Markdown tables, or one JSON document with --json.
 */
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createHighs } from "../solvers/highs.ts";
import { readInstance } from "../src/authors/read-instance.ts";
import { InfeasibleError, LimitError } from "../src/core/errors.ts";
import { packageRoot } from "../src/core/files.ts";
import { keeping, widest } from "../src/formulation/baselines/meter.ts";
import { methodText, parseMethod } from "../src/formulation/baselines/method.ts";
import { runMethod } from "../src/formulation/baselines/run-method.ts";
import { instanceWrittenAxes } from "../src/formulation/baselines/written-axes.ts";
import { evaluate } from "../src/formulation/problem/evaluate.ts";
import type { Problem } from "../src/formulation/problem/problem.ts";

interface Kept {
  readonly instance: string;
  readonly family: string;
  readonly budget: string;
  readonly method: string;
  /** Share of the dense importance; null where the method has no answer. */
  readonly importance: number | null;
  /** Share of the budget that its true latency uses. */
  readonly used: number | null;
  /** As published, with the budget as its own: importance, and true latency as a share of the budget. */
  readonly published: { readonly importance: number; readonly used: number } | null;
  readonly blocks: number | null;
  readonly seconds: number;
}

const { values: options } = parseArgs({
  options: {
    budgets: { type: "string", default: "own,70%,50%,30%" },
    methods: {
      type: "string",
      default:
        "mdp,channels-only,linear-latency,linear-latency:10,linear-latency:30,uniform,global-threshold",
    },
    only: { type: "string", default: "" },
    json: { type: "boolean", default: false },
  },
});

const shared = process.env["MDP_SHARED"] ?? join(packageRoot(), "../shared");
const paths = ["mdp-instances", "synthetic-instances"]
  .map((folder) => join(shared, folder))
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder).map((name) => join(folder, name)))
  .filter((path) => path.endsWith(".json") && path.includes(options.only));
if (paths.length === 0) {
  console.error(`No instances below ${shared}; set MDP_SHARED to the folder that has them.`);
  process.exit(3);
}
const methods = options.methods.split(",").map((name) => parseMethod(name));
const budgets = options.budgets.split(",");
const highs = createHighs();
const results: Kept[] = [];
for (const path of paths) {
  const { problem } = readInstance(path);
  for (const budget of budgets) results.push(...(await compare(problem, budget)));
  console.error(`${problem.name} done`);
}
await highs.close();
console.log(
  options.json ? JSON.stringify({ methods: methods.map(methodText), results }, null, 1) : tables(),
);

async function compare(instance: Problem, budget: string): Promise<Kept[]> {
  const dense = evaluate(instance, keeping(widest(instance)));
  const denseLatency = dense.usage[0] ?? Number.NaN;
  const limit =
    budget === "own"
      ? (instance.resources[0]?.limit ?? 0)
      : (denseLatency * Number.parseFloat(budget)) / 100;
  const problem = {
    ...instance,
    resources: instance.resources.map((resource) => ({ ...resource, limit })),
  };
  const kept: Kept[] = [];
  for (const method of methods) {
    const began = performance.now();
    const found = await runMethod(problem, method, [highs], {
      written: instanceWrittenAxes(problem),
      isMatched: true,
      timeLimitSeconds: 600,
    }).catch((error: unknown) => {
      if (error instanceof InfeasibleError || error instanceof LimitError) return null;
      throw error;
    });
    const published = found?.own?.asPublished ?? null;
    kept.push({
      instance: problem.name,
      family: familyOf(problem.name),
      budget,
      method: methodText(method),
      importance: found === null ? null : found.answer.objective / dense.objective,
      used: found === null ? null : (found.answer.usage[0] ?? Number.NaN) / limit,
      published:
        published === null
          ? null
          : {
              importance: published.objective / dense.objective,
              used: (published.usage[0] ?? Number.NaN) / limit,
            },
      blocks: found?.answer.selection.droppedBlocks.size ?? null,
      seconds: (performance.now() - began) / 1000,
    });
  }
  return kept;
}

/** The published ones are steps of a schedule; the synthetic ones differ by budget only. */
function familyOf(name: string): string {
  return name.replace(/-\d+$/, "").replace(/-b\d+-s\d+$/, "");
}

/**
 * Per family and budget, the mean importance over the instances that every method has an answer for, methods without any
 * left aside; in brackets the number of answers where it isn't all.
 */
function tables(): string {
  const names = methods.map(methodText);
  const head = `| instances | budget | ${names.join(" | ")} |\n| --- | --- | ${names.map(() => "--:").join(" | ")} |\n`;
  const families = [...new Set(results.map(({ family }) => family))];
  const rows = families.flatMap((family) =>
    budgets.map((budget) => {
      const group = results.filter((each) => each.family === family && each.budget === budget);
      const count = group.length / methods.length;
      return `| ${family} (${count}) | ${budget} | ${cellsOf(group, names).join(" | ")} |\n`;
    }),
  );
  return head + rows.join("");
}

function cellsOf(group: readonly Kept[], names: readonly string[]): string[] {
  const answered = new Map(
    names.map((name) => [
      name,
      group.filter(({ method, importance }) => method === name && importance !== null),
    ]),
  );
  const some = [...answered.values()].filter((list) => list.length > 0);
  const common = new Set(
    group
      .map(({ instance }) => instance)
      .filter((name) => some.every((list) => list.some(({ instance }) => instance === name))),
  );
  return names.map((name) => {
    const list = answered.get(name) ?? [];
    const shares = list.filter(({ instance }) => common.has(instance));
    if (list.length === 0) return "none";
    const mean = shares.reduce((sum, { importance }) => sum + (importance ?? 0), 0) / shares.length;
    const text = shares.length === 0 ? "-" : (100 * mean).toFixed(2);
    return list.length === group.length / names.length ? text : `${text} (${list.length})`;
  });
}
