import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { judgeByCommand } from "../../src/pipeline/evaluate/judge-by-command.ts";
import { runContext } from "../../src/pipeline/run-context.ts";

/** A judge whose answers depend on the model's name, the items and the seed. */
function judge(body: string): string {
  const file = join(mkdtempSync(join(tmpdir(), "judge-")), "judge.mjs");
  writeFileSync(
    file,
    `const at = (name) => process.argv[process.argv.indexOf(name) + 1];
const [model, items, seed] = [at("--model"), at("--items").split(",").map(Number), Number(at("--seed"))];
console.log(JSON.stringify(${body}));`,
  );
  return JSON.stringify([process.execPath, file]);
}

test("a program's rates and means get intervals, and differences on the same items", async () => {
  const command = judge(
    '{ metrics: { right: items.map((i) => (i % 4 === 0 || model === "a" ? 1 : 0)), reward: items.map((i) => i + (model === "a" ? 0 : 2 + (i % 2)) + seed) } }',
  );
  const judged = await judgeByCommand(["a", "b"], { command, items: 20, seed: 7 }, runContext());
  const [first, second] = judged ?? [];
  expect(first?.differences).toBeNull();
  expect(first?.metrics).toMatchObject([
    { name: "right", unit: "share", value: 1, by: "wilson", items: 20 },
    { name: "reward", unit: "number", value: 9.5 + 7, by: "student" },
  ]);
  const [right, reward] = second?.differences ?? [];
  expect(right).toMatchObject({ value: -0.75, by: "newcombe" });
  expect(reward?.value).toBeCloseTo(2.5);
  // The items' own spread is gone from the difference.
  expect((reward?.high ?? 9) - (reward?.low ?? 0)).toBeLessThan(0.6);
});

test("a single number has no interval; other metrics for another network, and a command that fails, are refused", async () => {
  const run = (command: string) => judgeByCommand(["a", "b"], { command }, runContext());
  const single = await run(judge('{ value: model === "a" ? 3 : 5 }'));
  expect(single?.[1]).toMatchObject({
    metrics: [{ name: "command", value: 5, by: "none" }],
    differences: [{ value: 2, by: "none" }],
  });
  await expect(run(judge("{ metrics: { [model]: 1 } }"))).rejects.toMatchObject({
    code: "cli/other-metrics",
    exitCode: 2,
  });
  await expect(run(judge("{ nothing: 1 }"))).rejects.toMatchObject({
    code: "tasks/command-failed",
    exitCode: 3,
  });
  await expect(run("[1]")).rejects.toMatchObject({ code: "cli/bad-command", exitCode: 2 });
});
