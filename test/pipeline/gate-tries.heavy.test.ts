import { copyFileSync, mkdtempSync, readFileSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { sha256 } from "../../src/core/files.ts";
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

test("a command that writes to its model harms neither the network nor what the next command gets", async () => {
  const folder = mkdtempSync(join(tmpdir(), "mdp-copies-"));
  const path = join(folder, "metrics.json");
  const open = await openNetwork(":agent");
  const network = join(folder, "net.onnx");
  copyFileSync(open.path, network);
  const before = sha256(readFileSync(network));
  const denseBefore = sha256(readFileSync(open.path));
  // Each says how many bytes it was given, and leaves none.
  const script = `
    const { statSync, writeFileSync } = await import("node:fs");
    const model = process.argv[process.argv.indexOf("--model") + 1];
    const { size } = statSync(model);
    writeFileSync(model, "");
    console.log(JSON.stringify({ values: Array(16).fill(size) }));`;
  const commandOf = (name: string): string[] => [
    ...["node", "--input-type=module", "-e", script, "--", name],
  ];
  const metrics = ["one", "two"].map((name) => ({
    ...{ name, command: commandOf(name), require: ">= dense - 10%" },
  }));
  const data = { search: 16, confirm: 16 };
  writeFileSync(path, JSON.stringify({ schema: "mdp-metrics/1", data, metrics }));
  const request = { network, release: undefined, ledgerOf: path, threads: 1, now: new Date() };
  const report = await gateNetwork(open, await openMetrics(path, open), request, context);
  const { length } = readFileSync(network);
  expect(report.lines.map(({ value }) => value)).toEqual([length, length]);
  expect(sha256(readFileSync(network))).toBe(before);
  expect(sha256(readFileSync(open.path))).toBe(denseBefore);
});
