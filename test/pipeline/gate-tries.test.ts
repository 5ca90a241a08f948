import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { SILENT } from "../../src/core/progress.ts";
import { openMetrics } from "../../src/pipeline/metrics/open-metrics.ts";
import { openNetwork } from "../../src/pipeline/open/network.ts";
import { gateNetwork } from "../../src/pipeline/release/gate-network.ts";
import type { RunContext } from "../../src/pipeline/run-context.ts";

const context = {
  progress: SILENT,
  signal: new AbortController().signal,
  commandLine: "test",
  onEvent: () => {},
} as unknown as RunContext;

test("tries count in every ledger of the items, the same network once, and the dense network never", async () => {
  const folder = mkdtempSync(join(tmpdir(), "mdp-tries-"));
  const path = join(folder, "metrics.json");
  // One number per item: what the gate tests is of no importance here.
  const script = "console.log(JSON.stringify({ values: Array(16).fill(1) }))";
  const command = ["node", "-e", script, "--"];
  const metrics = [{ name: "own", command, require: ">= dense - 10%" }];
  const data = { search: 16, confirm: 16 };
  writeFileSync(path, JSON.stringify({ schema: "mdp-metrics/1", data, metrics }));
  const open = await openNetwork(":agent");
  const opened = await openMetrics(path, open);
  const network = (name: string): string => {
    const file = join(folder, name);
    writeFileSync(file, name);
    return file;
  };
  const attempt = async (file: string, release?: string): Promise<number> => {
    const request = { network: file, release, ledgerOf: path, threads: 1, now: new Date() };
    return (await gateNetwork(open, opened, request, context)).attempt;
  };
  const live = join(folder, "live.onnx");
  const [a, b] = [network("a.onnx"), network("b.onnx")];
  expect(await attempt(open.path, live)).toBe(1);
  // Tried beside metrics.json first: a release of it is the same try, and another network the second one.
  expect(await attempt(a)).toBe(1);
  expect(await attempt(a, live)).toBe(1);
  expect(await attempt(b, live)).toBe(2);
  expect(await attempt(network("c.onnx"))).toBe(3);
});
