import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { SILENT } from "../../src/core/progress.ts";
import { DRAWN_SETS } from "../../src/data/drawn/files.ts";
import { writeDrawnSet } from "../../src/data/drawn/write-set.ts";
import { openBench } from "../../src/pipeline/coefficients/search-network.ts";
import { openMetrics } from "../../src/pipeline/metrics/open-metrics.ts";
import { openNetwork } from "../../src/pipeline/open/network.ts";
import { gateNetwork } from "../../src/pipeline/release/gate-network.ts";
import { solveNetworkOptions } from "../../src/pipeline/solve/solve-settings.ts";
import { tableFor } from "../../src/pipeline/tables/table-source.ts";
import { archiveOf } from "../../src/release/ledger.ts";
import { silentRun } from "../helpers/run-context.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-metrics-input-"));
afterAll(() => rmSync(folder, { recursive: true }));
const agent = await openNetwork(":agent");
const inspector = await openNetwork(":inspector");
const plates = join(folder, "plates");
writeDrawnSet(plates, DRAWN_SETS.plates, { seed: 1, train: 0, test: 60 }, SILENT);

const command = ["node", "-e", "console.log(JSON.stringify({ values: Array(16).fill(1) }))", "--"];
let files = 0;
function written(metrics: readonly object[], more: object = {}): string {
  files += 1;
  const path = join(folder, `metrics-${files}.json`);
  const data = { search: 16, confirm: 16 };
  writeFileSync(path, JSON.stringify({ schema: "mdp-metrics/1", data, metrics, ...more }));
  return path;
}
const onPlates = { data: { path: plates, search: 16, confirm: 16 } };

describe("a metrics file is refused, with the metric and a remedy, where", () => {
  test.each([
    [
      "a limit is on the side where the metric is better",
      { command, require: "<= 2" },
      "coefficients/wrong-direction",
    ],
    ["a requirement is no comparison", { command, require: "about 2" }, "coefficients/requirement"],
    ["a metric is neither built in nor a command", { is: "acuracy" }, "metrics/bad-metric"],
    ["a metric without a command has no data", { is: "accuracy" }, "metrics/no-data"],
  ])("%s", async (_, metric, code) => {
    const data = "is" in metric && metric.is === "acuracy" ? onPlates : {};
    const open = data === onPlates ? inspector : agent;
    await expect(
      openMetrics(written([{ name: "own", ...metric }], data), open),
    ).rejects.toMatchObject({ code });
  });

  test("an output is none of the network's, and the one that was meant is named", async () => {
    const path = written([{ name: "own", is: "accuracy", output: "defects" }], onPlates);
    await expect(openMetrics(path, inspector)).rejects.toMatchObject({
      ...{ code: "metrics/bad-metric", where: "metric 'own'" },
      hint: "Did you mean 'defect'?",
    });
  });

  test("a class does not occur in the data, and those that do are named", async () => {
    const path = written(
      [{ name: "own", is: "recall", class: "rust", output: "defect" }],
      onPlates,
    );
    await expect(openMetrics(path, inspector)).rejects.toThrow(/ok, scratch, dent, hole/);
  });

  test("items to confirm on are searched on too", async () => {
    const data = { path: plates, confirmPath: plates, search: 16, confirm: 16 };
    const path = written([{ name: "own", is: "accuracy", output: "defect" }], { data });
    await expect(openMetrics(path, inspector)).rejects.toMatchObject({ code: "metrics/overlap" });
  });

  test("a field is missing: the remedy is that of a file which people write", async () => {
    const path = written([{ name: "own", command: [] }]);
    await expect(openMetrics(path, agent)).rejects.toMatchObject({
      code: "documents/malformed",
      hint: expect.stringContaining("mdp metrics init"),
    });
  });
});

test("a class that is needed does not occur among the items to search on", async () => {
  // A plate in twenty has a scratch, and eight are searched on.
  const metric = { name: "scratches", is: "recall", class: "scratch", output: "defect" };
  const data = { path: plates, search: 8, confirm: 50 };
  const path = written([{ ...metric, require: ">= 0%" }], { data });
  const metrics = await openMetrics(path, inspector);
  const labels = metrics.dealt.search.map((index) => metrics.searchSet?.labels[index]);
  expect(labels).not.toContain(1);
  const source = tableFor(inspector, { device: "jetson-xavier", step: 16, commandLine: "test" });
  const settings = solveNetworkOptions(
    {
      ...{ limit: ["params <= 60%"], budget: "none", step: 16, maxPrune: 0.9 },
      ...{ blocks: false, layers: false, gap: 0 },
    },
    16,
  );
  const bench = openBench(inspector, source, metrics, settings, { threads: 1 }, silentRun);
  await expect(bench).rejects.toMatchObject({
    ...{ code: "coefficients/undefined-metric", where: "metric 'scratches'" },
    message: expect.stringContaining("8 items to search on"),
  });
});

describe("a gate without a requirement", () => {
  const gate = async (needsRequirement?: boolean) => {
    const path = written([{ name: "own", command }]);
    const live = join(folder, "live.onnx");
    const metrics = await openMetrics(path, agent);
    const request = {
      ...{ network: agent.path, release: needsRequirement === false ? undefined : live },
      ...{ ledgerOf: path, threads: 1, now: new Date(), needsRequirement },
    };
    return { report: gateNetwork(agent, metrics, request, silentRun), live };
  };

  test("lets nothing pass, and releases nothing", async () => {
    const { report, live } = await gate();
    await expect(report).rejects.toMatchObject({ code: "release/nothing-required" });
    expect(existsSync(live)).toBe(false);
    expect(existsSync(archiveOf(live))).toBe(false);
  });

  test("only measures where the search has nothing but something to maximise", async () => {
    const { report } = await gate(false);
    expect((await report).lines).toEqual([]);
  });
});
