import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { ONLY_METRIC, runCommandMetric } from "../../src/tasks/command-metric.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-command-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

let scripts = 0;
/** A program of its own that runs the given JavaScript; `args` holds its options. */
function command(body: string): readonly string[] {
  scripts += 1;
  const path = join(folder, `metric${scripts}.mjs`);
  writeFileSync(path, `const args = process.argv.slice(2);\n${body}\n`);
  return [process.execPath, path, "own option"];
}
const about = { model: "net work.onnx", items: [0, 4, 7], seed: 3 };
const run = (
  body: string,
  more: { readonly timeoutSeconds?: number } = {},
): ReturnType<typeof runCommandMetric> =>
  runCommandMetric({ ...about, ...more, command: command(body) });

test("a command gets its own options, then model, items and seed, without a shell", async () => {
  const found = await run(`
    if (JSON.stringify(args) !== JSON.stringify(["own option", "--model", "net work.onnx", "--items", "0,4,7", "--seed", "3"])) process.exit(9);
    console.log("loading"); console.error("a warning");
    console.log(JSON.stringify({ values: [1, 2.5, -3] }));`);
  expect(found).toEqual(new Map([[ONLY_METRIC, { kind: "items", values: [1, 2.5, -3] }]]));
});

test("several metrics at once, per item or as one number", async () => {
  const found = await run(
    `console.log(JSON.stringify({ metrics: { reward: [1, 2, 3], "time": 4 } }));`,
  );
  expect([...found]).toEqual([
    ["reward", { kind: "items", values: [1, 2, 3] }],
    ["time", { kind: "whole", value: 4 }],
  ]);
});

test.each([
  ["another exit code", `console.error("no weights"); process.exit(3);`, /code 3.*\n.*no weights/],
  ["nothing printed", ``, /printed nothing/],
  ["no JSON at the end", `console.log('{"value": 1}'); console.log("done");`, /last line/],
  ["NaN", `console.log('{"value": NaN}');`, /last line/],
  ["null for a number", `console.log('{"values": [1, null, 3]}');`, /last line/],
  ["too few values", `console.log('{"values": [1, 2]}');`, /2 values for 3 items/],
  ["an endless run", `setInterval(() => {}, 1000);`, /stopped after 1 s/],
])("%s is an error with the last lines, never a value", async (_, body, message) => {
  const timeoutSeconds = body.startsWith("setInterval") ? 1 : 60;
  await expect(run(body, { timeoutSeconds })).rejects.toMatchObject({
    code: "tasks/command-failed",
    exitCode: 3,
    message: expect.stringMatching(message),
  });
});

test("a program that isn't there, and one that is interrupted", async () => {
  await expect(
    runCommandMetric({ ...about, command: [join(folder, "nobody")] }),
  ).rejects.toMatchObject({ code: "tasks/command-failed" });
  const controller = new AbortController();
  const running = runCommandMetric({
    ...about,
    command: command("setInterval(() => {}, 1000);"),
    signal: controller.signal,
  });
  controller.abort();
  await expect(running).rejects.toMatchObject({ code: "tasks/interrupted", exitCode: 130 });
});
