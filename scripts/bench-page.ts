/**
 * Measures the pages of `mdp report` and `mdp explore` in Chromium:
 *
 *   npx tsx scripts/bench-page.ts [--large] [--explore net.onnx [--step 8]]
 *
 * --large (on without anything else): a report of a network of 3,000 operations with a frontier of 100 points: size of the file, first paint,
 * time per step of the slider, time to open an operation's table. --explore: the first answer and new budgets, and until HiGHS has certified each.
 * Wanted: first paint under 2 s, slider under 50 ms a step, a new budget in 0.3 s.
 */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { type Browser, chromium, type Page } from "playwright-core";
import { highsInPlace } from "../solvers/in-place.ts";
import { startSession } from "../src/explorer/session.ts";
import { explorerData } from "../src/pipeline/explore/explore-network.ts";
import type { ExplorerData } from "../src/pipeline/explore/explorer-data.ts";
import { explorerPage } from "../src/pipeline/explore/explorer-page.ts";
import { writeReport } from "../src/pipeline/report/write-report.ts";
import { SOLVE_DEFAULTS } from "../src/pipeline/solve/solve-settings.ts";
import { buildPage } from "./build-page.ts";

const { values } = parseArgs({
  options: {
    large: { type: "boolean", default: false },
    explore: { type: "string" },
    device: { type: "string", default: "jetson" },
    step: { type: "string", default: "8" },
    budgets: { type: "string", default: "70%,60%,50%,40%,30%" },
  },
});
const folder = mkdtempSync(join(tmpdir(), "mdp-bench-page-"));
const browser = await chromium.launch({
  executablePath: process.env["MDP_CHROMIUM"] ?? "/usr/bin/chromium",
  args: ["--no-sandbox"],
});
try {
  if (values.large || values.explore === undefined) await benchLarge(browser);
  if (values.explore !== undefined) await benchExplorer(browser, values.explore);
} finally {
  await browser.close();
  rmSync(folder, { recursive: true, force: true });
}

function say(what: string, value: number, unit: string): void {
  process.stdout.write(`${what.padEnd(44)} ${value.toFixed(unit === "ms" ? 1 : 2)} ${unit}\n`);
}

async function opened(from: Browser, path: string): Promise<Page> {
  const page = await from.newPage({ viewport: { width: 1400, height: 900 } });
  await page.goto(pathToFileURL(path).href);
  return page;
}

async function benchLarge(from: Browser): Promise<void> {
  const paths = writeLargeRun(join(folder, "large"));
  const out = join(folder, "large.html");
  const { bytes } = await writeReport({ paths, out });
  say("report of 3,000 operations and 100 points", bytes / 1e6, "MB");
  const page = await opened(from, out);
  const paint = await page.evaluate<number>(
    "performance.getEntriesByName('first-contentful-paint')[0]?.startTime ?? NaN",
  );
  say("first paint", paint, "ms");
  const loaded = await page.evaluate<number>(
    "performance.timing.loadEventEnd - performance.timing.navigationStart",
  );
  say("loaded", loaded, "ms");
  // The figure follows each step: the time until the next frame after it counts.
  const steps = await page.evaluate<number[]>(`(async () => {
    const slider = document.querySelector("input.point");
    slider.scrollIntoView();
    const frame = () => new Promise((next) => requestAnimationFrame(() => setTimeout(next, 0)));
    await frame();
    const times = [];
    for (let at = 1; at <= 60; at += 1) {
      const begun = performance.now();
      slider.value = String(at);
      slider.dispatchEvent(new Event("input", { bubbles: true }));
      document.body.offsetHeight;
      times.push(performance.now() - begun);
      await frame();
    }
    return times.sort((one, other) => one - other);
  })()`);
  say("slider, median of 60 steps", steps[30] ?? Number.NaN, "ms");
  say("slider, worst of 60 steps", steps.at(-1) ?? Number.NaN, "ms");
  const open = await page.evaluate<number>(`(() => {
    const begun = performance.now();
    document.querySelector("button[data-op]").click();
    document.body.offsetHeight;
    return performance.now() - begun;
  })()`);
  say("first table behind an operation", open, "ms");
  await page.close();
}

/** A chain of 1,500 convolutions in 500 blocks, with an activation behind each, as the documents of a run and of a sweep. */
function writeLargeRun(path: string): string[] {
  const layers = Array.from(
    { length: 1500 },
    (_, at) => `stage${at % 10}.block${Math.floor(at / 3)}.conv${at % 3}`,
  );
  const blockOf = (at: number): string => `block${Math.floor(at / 3)}`;
  const counts = [8, 16, 24, 32, 40, 48, 56, 64];
  const dims = layers.map((name, at) => ({
    ...{ name, units: 64, unitChannels: 1, pinned: null, block: blockOf(at), producers: [] },
  }));
  const write = (folderOf: string, name: string, content: unknown): void =>
    writeFileSync(join(folderOf, `${name}.json`), JSON.stringify(content));
  const keptAt = (at: number, point: number): number => 8 * (1 + ((at * 7 + point) % 8));
  const subnet = (point: number): object => ({
    ...{ schema: "mdp-subnet/1", network: "large", structureHash: "s" },
    dims: layers.map((dim, at) => {
      const kept = keptAt(at, point);
      return { dim, units: 64, kept, indices: `0-${kept - 1}` };
    }),
    ...{ droppedBlocks: [`block${point}`], droppedLayers: [] },
  });
  const [run, sweep] = ["run", "sweep"].map((name) => join(path, name));
  if (run === undefined || sweep === undefined) return [];
  for (const each of [path, run, sweep]) mkdirSync(each);
  write(run, "subnet", subnet(0));
  write(run, "structure", {
    ...{ schema: "mdp-structure/1", network: "large", structureHash: "s", parameters: 1, macs: 1 },
    dims,
    layers: layers.map((name, at) => ({
      ...{ name, node: `n${at}`, opType: "Conv", input: 64, output: 64, groups: 1 },
      ...{ parameters: 36_864, macs: 1e6, blocks: [blockOf(at)], normalisation: null, drop: null },
    })),
    blocks: Array.from({ length: 500 }, (_, at) => ({
      ...{ name: `block${at}`, add: `add${at}`, branchInput: 0, parent: null, layers: [] },
    })),
    ops: layers.flatMap((_, at) => [
      { id: `n${at}`, opType: "Conv", from: at === 0 ? [] : [`r${at - 1}`], block: blockOf(at) },
      { id: `r${at}`, opType: "Relu", from: [`n${at}`], block: blockOf(at) },
    ]),
  });
  write(run, "table", {
    ...{ schema: "mdp-latency-table/1", precision: "float32", batch: 1, threads: 1 },
    device: { name: "d", kind: "predicted", model: "device", cores: null, power: null },
    runtime: { name: "runtime", version: "1" },
    ...{
      optimisation: null,
      date: "2026-01-01",
      command: "mdp",
      repeats: null,
      runs: null,
      step: 8,
    },
    ...{ spread: null, network: { name: "large", structureHash: "s", inputShape: [1, 3, 8, 8] } },
    ...{ denseMs: 300, scale: 1, fixedMs: 0, expectedError: null, notes: [] },
    ops: layers.flatMap((label, at) => [
      {
        ...{ id: `n${at}`, label, kind: "Conv", counts: [counts, counts], origin: "p".repeat(64) },
        axes: [Math.max(0, at - 1), at].map((dim) => ({ fixed: 0, parts: [{ dim, perUnit: 1 }] })),
        ms: counts.flatMap((read) =>
          counts.map((made) => 0.01 + (read * made * (1 + (at % 13))) / 2e5),
        ),
      },
      {
        ...{ id: `r${at}`, label: `${label}.relu`, kind: "Relu", counts: [counts] },
        ...{ axes: [{ fixed: 0, parts: [{ dim: at, perUnit: 1 }] }], origin: "p".repeat(8) },
        ms: counts.map((made) => 0.001 + made / 1e5),
      },
    ]),
  });
  for (let point = 0; point < 100; point += 1) write(sweep, `subnet-${point}`, subnet(point));
  write(sweep, "sweep", {
    ...{ schema: "mdp-sweep/1", name: "large", head: null, options: null, unit: "ms" },
    dense: { latency: 300, importance: 1000, parameters: 1e6, macs: 1e9 },
    points: Array.from({ length: 100 }, (_, at) => ({
      ...{ budget: `${100 - at}%`, limit: 300 - 3 * at, status: "optimal", latency: 300 - 3 * at },
      ...{ importance: 1000 - at * at * 0.09, objective: 1000, bound: 1000, gap: 0 },
      ...{ parameters: 1e6, macs: 1e9, droppedBlocks: [`block${at}`], droppedLayers: [] },
      ...{ least: null, subnet: `subnet-${at}.json`, notes: [] },
    })),
    ...{ complete: true, notes: [] },
  });
  return [run, sweep];
}

/** The page's program in this process: seconds of the processor do not depend on what else the machine does. */
async function benchSession(data: ExplorerData, budgets: readonly string[]): Promise<void> {
  const session = startSession(data, [highsInPlace(() => import("highs"))]);
  for (const budget of [data.settings.budget ?? "50%", ...budgets]) {
    for (const certify of [false, true]) {
      const { user, system } = process.cpuUsage();
      const { report } = await session.solve(0, { ...data.settings, budget }, certify);
      const used = process.cpuUsage();
      const what = certify ? "with the certificate" : "presolve alone";
      say(
        `${budget}, ${what}: processor time`,
        (used.user - user + used.system - system) / 1e6,
        "s",
      );
      const { status, gap, solver } = report.answer;
      process.stdout.write(`  ${status}, gap ${gap}, by ${solver}\n`);
    }
  }
}

async function benchExplorer(from: Browser, model: string): Promise<void> {
  const bundle = join(folder, "bundle");
  await buildPage(bundle);
  const { device, step, budgets } = values;
  const settings = { ...SOLVE_DEFAULTS, model, device, step: Number(step) };
  const data = await explorerData(settings, { bind: {}, commandLine: "mdp" });
  const html = explorerPage(data, bundle);
  const path = join(folder, "explore.html");
  writeFileSync(path, html);
  await benchSession(data, budgets.split(","));
  say(`explorer of ${model.split("/").at(-1)}, step ${step}`, Buffer.byteLength(html) / 1e6, "MB");
  const page = await from.newPage();
  page.setDefaultTimeout(300_000);
  const begun = performance.now();
  await page.goto(pathToFileURL(path).href);
  await page.waitForSelector("#status[data-seconds]");
  say("opened to first answer", (performance.now() - begun) / 1000, "s");
  for (const budget of budgets.split(",")) {
    await page.evaluate("delete document.getElementById('status').dataset.seconds");
    const asked = performance.now();
    await page.fill("#budget", budget);
    await page.dispatchEvent("#budget", "change");
    await page.waitForSelector("#status[data-seconds]");
    const shown = (performance.now() - asked) / 1000;
    const text = (await page.textContent("#status")) ?? "";
    const inWorker = Number(await page.getAttribute("#status", "data-seconds"));
    say(`${budget}: in the worker`, inWorker, "s");
    say(`${budget}: until it is shown`, shown, "s");
    await page.locator("#status", { hasNotText: "is certifying" }).waitFor();
    say(`${budget}: until it is certified`, (performance.now() - asked) / 1000, "s");
    process.stdout.write(`  ${text}\n`);
  }
  await page.close();
}
