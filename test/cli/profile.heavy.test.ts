import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../../src/core/errors.ts";
import { readTable } from "../../src/latency/table.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { mdpSync as mdp } from "../helpers/cli.ts";
import { bottleneckResnet } from "../helpers/networks.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-cli-profile-"));
const network = join(folder, "net.onnx");
const SMALL = ["--step", "4", "--runs", "12", "--repeats", "5", "--name", "cpu-test"] as const;
const OUT = ["--out", folder] as const;

beforeAll(() => {
  writeModel(modelOf(bottleneckResnet()), network);
});
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("mdp profile writes a table for the device, and goes on from its samples", () => {
  const first = mdp("profile", network, ...SMALL, ...OUT, "--validate", "3", "--json");
  expect(first.status).toBe(EXIT.done);
  const document = JSON.parse(first.stdout);
  expect(document).toMatchObject({ schema: "mdp-profile/1", resumed: 0 });
  expect(document.validation.networks).toHaveLength(3);
  const path = join(folder, "latency-tables", "cpu-test", "net-b1.json");
  const table = readTable(path);
  expect(table).toMatchObject({
    batch: 1,
    threads: 1,
    step: 4,
    runs: 12,
    network: { name: "net" },
  });
  expect(table.expectedError?.networks).toBe(3);

  const samples = path.replace(/\.json$/, ".samples.jsonl");
  const before = readFileSync(samples, "utf8");
  const second = mdp("profile", network, ...SMALL, ...OUT);
  expect(second.status).toBe(EXIT.done);
  expect(second.stdout).toContain("12 (12 from an earlier run)");
  expect(readFileSync(samples, "utf8")).toBe(before);
});

test("mdp profile refuses what it can't measure, and writes nothing", () => {
  const out = join(folder, "nothing");
  const attempts: readonly (readonly [readonly string[], number])[] = [
    [["profile", network, "--precision", "float16", "--out", out], EXIT.usage],
    [["profile", network, "--device", "ssh://board", "--out", out], EXIT.usage],
    [["profile", network, "--runs", "0", "--out", out], EXIT.usage],
    [["profile", join(folder, "missing.onnx"), "--out", out], EXIT.input],
  ];
  for (const [args, code] of attempts) expect(mdp(...args).status).toBe(code);
  expect(existsSync(out)).toBe(false);
});
