import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import yargs from "yargs";
import { LISTED_COMMANDS } from "../../src/cli/command-list.ts";
import { EXIT } from "../../src/core/errors.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { mdp } from "../helpers/cli.ts";
import { flattenVgg } from "../helpers/networks.ts";
import { runHere } from "../helpers/run-here.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-cli-safe-"));
const network = join(folder, "net.onnx");
beforeAll(() => writeModel(modelOf(flattenVgg()), network));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.concurrent("a command does not write over the network that it reads, unless it is told to", async () => {
  const before = readFileSync(network);
  for (const args of [
    ["score", network, "--method", "magnitude-l2", "--out", network],
    ["inspect", network, "--out", network],
    ["inspect", network, "--graph", network],
  ]) {
    const { code, stderr } = await mdp(args, folder);
    expect(code, args.join(" ")).toBe(EXIT.usage);
    expect(stderr).toContain("--force");
    expect(readFileSync(network).equals(before)).toBe(true);
  }
  const copy = join(folder, "copy.onnx");
  writeFileSync(copy, before);
  const forced = await mdp(["inspect", copy, "--out", copy, "--force"], folder);
  expect(forced.code).toBe(EXIT.done);
  expect(readFileSync(copy).equals(before)).toBe(false);
}, 300_000);

test("weights beside a network are guarded as the network is", async () => {
  const own = join(folder, "outside.onnx");
  writeModel(modelOf(flattenVgg()), own, { externalData: "always", threshold: 1 });
  const data = `${own}.data`;
  const before = readFileSync(data);
  for (const args of [
    ["inspect", own, "--out", data],
    ["score", own, "--method", "magnitude-l2", "--out", data],
    ["predict", own, "--device", "jetson", "--out", data],
    ["solve", own, "--device", "jetson", "--budget", "90%", "--out", data],
  ]) {
    const { code, text } = await runHere(args);
    expect([args[0], code, text.includes("--force")]).toEqual([args[0], EXIT.usage, true]);
    expect(readFileSync(data).equals(before)).toBe(true);
  }
}, 300_000);

test.concurrent("a config value of another type names key, type and an example", async () => {
  const config = join(folder, "config.json");
  writeFileSync(config, '{"budget": 50}');
  const { code, stderr } = await mdp(
    ["solve", network, "--device", "jetson", "--config", config],
    folder,
  );
  expect(code).toBe(EXIT.usage);
  expect(stderr).toContain("'budget' is 50");
  expect(stderr).toContain('"budget": "50%"');
}, 300_000);

describe("what options name", () => {
  /** Options that say in their help that they are written, by command. */
  const OUTPUTS = new Set(["out", "write-lp", "graph", "figure", "csv", "junit", "card"]);

  test("is guarded unless it is an output, on every command", async () => {
    let outputs = 0;
    for (const listed of LISTED_COMMANDS) {
      const add = await listed.load();
      const help = yargs([listed.word]).wrap(null).exitProcess(false);
      add(help);
      const text = await help.getHelp();
      for (const line of text.split("\n")) {
        const [, name = "", describe = ""] =
          /^\s+--([a-z-]+)\s+(.*?)\s{2,}\[string\]/.exec(line) ?? [];
        if (name === "") continue;
        const writes = /\b(file to write|new folder|write the|draw)\b/i.test(describe);
        if (writes)
          expect([listed.word, name, OUTPUTS.has(name)]).toEqual([listed.word, name, true]);
        if (writes) outputs += 1;
      }
    }
    expect(outputs).toBeGreaterThanOrEqual(5);
  }, 120_000);
});
