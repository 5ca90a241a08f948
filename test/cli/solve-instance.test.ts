import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { Context } from "../../src/cli/command.ts";
import { solveInstanceCommand } from "../../src/cli/solve-instance.ts";
import { silentRun } from "../helpers/run-context.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-instance-"));
afterAll(() => rmSync(folder, { recursive: true }));

/** One layer whose third count is too slow for a budget of 5. */
function instanceFile(budget: number): string {
  const path = join(folder, `budget-${budget}.json`);
  const instance = {
    name: "one layer",
    groups: [{ id: "a", options: 4, importance: [0, 3, 5, 6], layers: ["a"] }],
    layers: [{ name: "a", group: "a", inputGroup: null, block: null, latency: [0, 2, 4, 7] }],
    budget,
    reference: { optimum: 5 },
  };
  writeFileSync(path, JSON.stringify(instance));
  return path;
}

function recorder(wantsJson: boolean): {
  context: Context;
  printed: string[];
  documents: unknown[];
} {
  const printed: string[] = [];
  const documents: unknown[] = [];
  const context: Context = {
    wantsJson,
    bind: {},
    print: (text) => {
      if (!wantsJson) printed.push(text);
    },
    json: (document) => {
      if (wantsJson) documents.push(document);
    },
    ...silentRun,
    commandLine: "mdp solve --instance one.json",
  };
  return { context, printed, documents };
}

test("--json gives one document with status, objective, latency, bound, gap and seconds", async () => {
  const { context, documents } = recorder(true);
  const lp = join(folder, "one.lp");
  expect(await solveInstanceCommand(instanceFile(5), { writeLp: lp }, context)).toBe(0);
  expect(documents).toEqual([
    expect.objectContaining({
      status: "optimal",
      objective: 5,
      latency: 4,
      budget: 5,
      bound: 5,
      gap: 0,
      seconds: expect.any(Number),
      counts: { a: 2 },
    }),
  ]);
  expect(readFileSync(lp, "utf8")).toContain("limit(latency)");
});

test("without --json people read the same", async () => {
  const { context, printed } = recorder(false);
  await solveInstanceCommand(instanceFile(5), {}, context);
  expect(printed.join("\n")).toMatch(/status +optimal\nobjective +5\nlatency +4 of 5/);
  expect(printed.join("\n")).toContain("reference   5 reached");
});

test("an infeasible budget is exit code 4 and names the nearest one", async () => {
  const { context, documents } = recorder(true);
  expect(await solveInstanceCommand(instanceFile(1), {}, context)).toBe(4);
  expect(documents).toEqual([
    expect.objectContaining({ status: "infeasible", objective: null, nearestBudget: 2 }),
  ]);
  await expect(solveInstanceCommand(instanceFile(1), {}, recorder(false).context)).rejects.toThrow(
    expect.objectContaining({ code: "formulation/infeasible" }),
  );
});
