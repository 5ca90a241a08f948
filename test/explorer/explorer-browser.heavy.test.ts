import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { quotedWord } from "../../src/core/shell-words.ts";
import type { SolveReport } from "../../src/documents/solve.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { writeModel } from "../../src/onnx/write.ts";
import type { ExploreSettings } from "../../src/pipeline/explore/explore-network.ts";
import { explorerData } from "../../src/pipeline/explore/explore-network.ts";
import { explorerPage } from "../../src/pipeline/explore/explorer-page.ts";
import { servePage } from "../../src/pipeline/explore/serve-page.ts";
import { subnetDocument } from "../../src/pipeline/solve/solve-document.ts";
import { solveModel } from "../../src/pipeline/solve/solve-model.ts";
import { SOLVE_DEFAULTS } from "../../src/pipeline/solve/solve-settings.ts";
import {
  bundleForTests,
  chromiumPath,
  type Faults,
  seriousFaults,
  startBrowser,
  type TestBrowser,
  widths,
} from "../helpers/browser.ts";
import { program } from "../helpers/cli.ts";
import { HOSTILE, residualNetwork } from "../helpers/report-subjects.ts";
import { silentRun } from "../helpers/run-context.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-explorer-"));
const SETTINGS = { ...SOLVE_DEFAULTS, model: join(folder, "net.onnx"), device: "jetson", batch: 8 };
const COUNT = 20;
const SEED = 20;
const COPIED = 3;

describe.skipIf(chromiumPath() === null)(
  "the explorer in Chromium (skipped where there is none)",
  () => {
    let browser: TestBrowser;
    let html = "";
    let bundle = "";
    /** Opened once: the program is built once for all tests of the page. */
    let page: Page;
    let faults: Faults;
    beforeAll(async () => {
      writeModel(modelOf(residualNetwork()), SETTINGS.model);
      bundle = await bundleForTests();
      const settings: ExploreSettings = { ...SETTINGS, with: ["jetson-nano"] };
      html = explorerPage(await explorerData(settings, { bind: {}, commandLine: "mdp" }), bundle);
      browser = await startBrowser();
      ({ page, faults } = await browser.open(html));
      await answered(page);
    });
    afterAll(async () => {
      await browser?.close();
      for (const path of [bundle, folder]) rmSync(path, { recursive: true, force: true });
    });

    test(`for ${COUNT} random budgets and limits from seed ${SEED} the page's answer is that of mdp solve`, async () => {
      const random = randomFrom(SEED);
      const asked = Array.from({ length: COUNT }, () => drawn(random));
      // The page first: while it waits for nothing, it certifies nothing, which takes as long again.
      const shown: (Compared | null)[] = [];
      for (const each of asked) shown.push(await askedThere(page, each));
      await fresh(page);
      let infeasible = 0;
      for (const [at, each] of asked.entries()) {
        const wanted = await solvedHere(each);
        if (wanted === null) infeasible += 1;
        expect(shown[at], JSON.stringify(each)).toEqual(wanted);
      }
      expect(infeasible).toBeLessThan(COUNT / 2);
      expect(faults).toEqual({ errors: [], requests: [] });
    });

    test("what the presolve proves is shown at once, and HiGHS certifies it where nothing more is asked", async () => {
      await act(page, async () => {
        await page.fill("#budget", "61%");
        await page.dispatchEvent("#budget", "change");
      });
      const solver = async (): Promise<string> =>
        (JSON.parse((await page.textContent("#answer")) ?? "") as SolveReport).answer.solver;
      expect(await solver()).toBe("presolve");
      expect(await page.textContent("#status")).toContain("HiGHS is certifying it");
      await page.locator("#status", { hasText: "certified by HiGHS" }).waitFor();
      expect(await solver()).toBe("highs");
      await fresh(page);
    });

    test("a block is dropped and a dim kept whole by hand; the command says so, and both can be taken back", async () => {
      const block = (await page.getAttribute("button[data-drop]", "data-drop")) ?? "";
      await act(page, () => page.click("button[data-drop]"));
      expect(await page.textContent("#command")).toContain(
        `dropped_blocks('\\''${block}'\\'') >= 1`,
      );
      expect(await page.getAttribute(`.block[data-block='${block}']`, "class")).toContain("gone");
      const dim = page.locator("button.dim", { hasText: "stem" });
      await dim.focus();
      await page.keyboard.press("Enter");
      await act(page, () => page.getByRole("button", { name: "Keep it whole" }).click());
      expect(await dim.textContent()).toContain("16 of 16");
      expect(await page.textContent("#command")).toContain("--protect '^stem$'");
      await page.getByRole("button", { name: "What would one step cost?" }).click();
      await page.locator(".steps", { hasText: /It can't be|costs/ }).waitFor();
      await act(page, () => page.click("button[data-chip='0']"));
      await act(page, () => page.click("button[data-chip='0']"));
      expect(await page.textContent("#command")).not.toContain("protect");
      expect(faults).toEqual({ errors: [], requests: [] });
    });

    test("a limit that is not understood shows its place, and the last answer stays", async () => {
      await page.fill("#limit", "parms <= 50%");
      await page.keyboard.press("Enter");
      await page.waitForSelector("#limit-error:not([hidden])");
      const text = (await page.textContent("#limit-error")) ?? "";
      expect(text).toContain("    parms <= 50%\n    ^");
      expect(text).toContain("Did you mean 'params'?");
      expect(await page.locator(".block").count()).toBe(4);
      await fresh(page);
    });

    test("the other device's answer is that of mdp solve, and the downloaded file is its subnet", async () => {
      await act(page, () => page.selectOption("#device", "1"));
      const file = JSON.parse(await downloaded(page)) as Record<string, unknown>;
      const settings = { ...SETTINGS, device: "jetson-nano", method: "mdp" };
      const { open, solved, report } = await solveModel(settings, silentRun);
      const wanted = subnetDocument(open, solved, report);
      expect({ ...file, solve: null }).toEqual({
        ...JSON.parse(JSON.stringify(wanted)),
        solve: null,
      });
      const { latencyMs } = JSON.parse(JSON.stringify(file["solve"], rounded)) as SolveReport;
      expect(latencyMs).toEqual(JSON.parse(JSON.stringify(report.latencyMs, rounded)));
      await act(page, () => page.selectOption("#device", "0"));
    });

    test(`for ${COPIED} random settings the copied command gives the page's answer in a shell, and its file is exported`, async () => {
      const random = randomFrom(SEED + 1);
      const limits = ["params <= 70%", "macs <= 60%", `count("two.*") >= 16`];
      const copied: { readonly command: string; readonly file: string | null }[] = [];
      for (let draw = 0; draw < COPIED; draw += 1) {
        await act(page, async () => {
          await page.selectOption("#device", String(draw % 2));
          if (random.next() < 0.6) await page.click("button[data-drop]");
          await page.locator("button.dim").nth(random.integer(3)).click();
          await page.getByRole("button", { name: "Keep it whole" }).click();
          await page.fill("#limit", limits[random.integer(limits.length)] ?? "");
          await page.press("#limit", "Enter");
          await page.fill("#budget", `${30 + random.integer(50)}%`);
          await page.dispatchEvent("#budget", "change");
        });
        const isAnswered = await page.locator("#limit-error").isHidden();
        const command = (await page.textContent("#command")) ?? "";
        copied.push({ command, file: isAnswered ? await downloaded(page) : null });
        await act(page, () => page.selectOption("#device", "0"));
        await fresh(page);
      }
      const choice = (json: string): object => ({ ...JSON.parse(json), solve: null });
      for (const { command, file } of copied) {
        const { code, text } = inShell(command);
        expect(code, `${command} ${text}`).toBe(file === null ? 4 : 0);
        if (file === null) continue;
        const made = readFileSync(join(folder, "subnet.json"), "utf8");
        expect(choice(file), command).toEqual(choice(made));
      }
      const last = copied.findLast(({ file }) => file !== null)?.file;
      writeFileSync(join(folder, "from-page.json"), last ?? "");
      const model = quotedWord(SETTINGS.model);
      const done = inShell(`mdp export ${model} --subnet from-page.json --out smaller.onnx`);
      expect(done.code, done.text).toBe(0);
      // A word that is not quoted is another command.
      expect(inShell("mdp solve --device jetson --limit params <= 70%").code).not.toBe(0);
    });

    test("the budget moves by the keyboard, and an operation's table follows the answer", async () => {
      await page.focus("#budget-range");
      await act(page, () => page.keyboard.press("ArrowLeft"));
      expect(await page.inputValue("#budget")).toBe("49%");
      await page.locator("button[data-op]").first().focus();
      await page.keyboard.press("Enter");
      await follows(page);
      await act(page, async () => {
        await page.fill("#budget", "30%");
        await page.dispatchEvent("#budget", "change");
      });
      await follows(page);
      await page.keyboard.press("Escape");
      expect(await page.locator(".latency .detail").isHidden()).toBe(true);
      await fresh(page);
    });

    test("axe finds no serious fault, in light and dark", async () => {
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        expect(await seriousFaults(page), colorScheme).toEqual([]);
      }
    });

    test("names that are markup, script, 10,000 characters long or written from right to left are text", async () => {
      const prefix = `${HOSTILE}\u05e9\u05dc\u05d5\u05dd'"\`\${alert(3)} ${"x".repeat(10_000)}.`;
      const model = join(folder, "hostile.onnx");
      writeModel(modelOf(residualNetwork(prefix)), model);
      const data = await explorerData({ ...SETTINGS, model }, { bind: {}, commandLine: "mdp" });
      const other = await browser.open(explorerPage(data, bundle), { width: 400 });
      await answered(other.page);
      await act(other.page, () => other.page.click("button[data-drop]"));
      expect(await other.page.locator(".block.gone").count()).toBeGreaterThan(0);
      await other.page.locator("button.dim").first().click();
      await other.page.locator("button[data-op]").first().click();
      for (const folded of await other.page.locator("details.ops > summary").all())
        await folded.click();
      expect(await other.page.locator("#report img, #report script, #explorer img").count()).toBe(
        0,
      );
      const { page: wide, window } = await widths(other.page);
      expect(wide).toBeLessThanOrEqual(window);
      expect(other.dialogs).toEqual([]);
      expect(other.faults).toEqual({ errors: [], requests: [] });
      await other.page.close();
    });

    test("it can be served on the loopback address, and works there", async () => {
      const stop = new AbortController();
      const { address, closed } = await servePage(html, 0, stop.signal);
      const served = await browser.visit(address);
      await answered(served.page);
      expect(served.faults).toEqual({ errors: [], requests: [] });
      stop.abort();
      await closed;
    });
  },
);

/** Runs a command line as somebody who pasted it does. */
function inShell(command: string): { readonly code: number | null; readonly text: string } {
  const script = `mdp() { node ${quotedWord(program)} "$@"; }\n${command}`;
  const { status, stderr } = spawnSync("bash", ["-c", script], { cwd: folder, encoding: "utf8" });
  return { code: status, text: stderr };
}

async function downloaded(page: Page): Promise<string> {
  const [download] = await Promise.all([page.waitForEvent("download"), page.click("#download")]);
  return readFileSync(await download.path(), "utf8");
}

/** What is said of the first operation, which is open, is what its row says. */
async function follows(page: Page): Promise<void> {
  const row = page.locator(".latency tbody tr").first();
  const chosen = (await row.locator("td").nth(3).textContent()) ?? "";
  const text = (await page.locator(".latency .detail p").first().textContent()) ?? "";
  const frames = await page.locator(".latency .detail svg .frame.chosen.over").count();
  const said = /chosen [\d x]+: ([\d.e-]+) ms/.exec(text)?.[1];
  if (chosen === "dropped") {
    expect([text, frames]).toEqual([expect.stringContaining("dropped in the chosen"), 0]);
  } else expect([Number(said), frames]).toEqual([Number(chosen), 1]);
}

/** As it was opened: half the latency, no limits, the first device. */
async function fresh(page: Page): Promise<void> {
  const chips = page.locator("button[data-chip]");
  if ((await chips.count()) === 0 && (await page.inputValue("#budget")) === "50%") return;
  await act(page, async () => {
    while ((await chips.count()) > 0) await chips.first().click();
    await page.fill("#budget", "50%");
    await page.dispatchEvent("#budget", "change");
  });
}

async function answered(page: Page): Promise<void> {
  await page.waitForSelector("#status[data-seconds]");
}

/** Does something, and waits for the answer to it. */
async function act(page: Page, doing: () => Promise<unknown>): Promise<void> {
  await page.evaluate("delete document.getElementById('status').dataset.seconds");
  await doing();
  await page.waitForSelector(
    "main:has(#stop:disabled):has(#status[data-seconds], #limit-error:not([hidden]))",
  );
}

interface Asked {
  readonly budget: string;
  readonly limit: readonly string[];
}

function drawn(random: ReturnType<typeof randomFrom>): Asked {
  const share = (least: number, most: number): string =>
    `${Math.round(least + (most - least) * random.next())}%`;
  const limits = [
    () => `params <= ${share(30, 90)}`,
    () => `macs <= ${share(30, 90)}`,
    () => `memory <= ${share(50, 95)}`,
    () => `bytes <= ${share(30, 90)}`,
    () => `latency('jetson-nano') <= ${share(30, 90)}`,
    () => "dropped_blocks <= 1",
    () => "dropped_blocks('one') >= 1",
    () => "count('two.*') >= 16",
    () => "align(16)",
  ];
  const limit = limits.flatMap((make) => (random.next() < 0.25 ? [make()] : []));
  return { budget: share(25, 95), limit };
}

/** Browsers and Node take exponentials in their own ways, so that predicted times differ in the last digit. */
function rounded(_: string, value: unknown): unknown {
  return typeof value === "number" ? Number(value.toPrecision(9)) : value;
}

/** What is compared: everything that is chosen, and how good it is. */
type Compared = Pick<
  SolveReport,
  "dims" | "droppedBlocks" | "droppedLayers" | "latencyMs" | "importanceKept" | "limits"
> & {
  readonly answer: readonly unknown[];
};

function compared({
  dims,
  droppedBlocks,
  droppedLayers,
  latencyMs,
  importanceKept,
  limits,
  answer,
}: SolveReport): Compared {
  // Whether the solver certifies a proven optimum in time is the machine's speed.
  const { status, objective, bound, gap } = answer;
  const parts = { dims, droppedBlocks, droppedLayers, latencyMs, importanceKept, limits };
  return JSON.parse(
    JSON.stringify({ ...parts, answer: [status, objective, bound, gap] }, rounded),
  ) as Compared;
}

async function solvedHere({ budget, limit }: Asked): Promise<Compared | null> {
  try {
    const { report } = await solveModel({ ...SETTINGS, budget, limit, method: "mdp" }, silentRun);
    return compared(report);
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "formulation/infeasible")
      return null;
    throw error;
  }
}

/** The last wish waits while an answer is awaited, so that everything is asked before one is waited for. */
async function askedThere(page: Page, { budget, limit }: Asked): Promise<Compared | null> {
  await act(page, async () => {
    while ((await page.locator("button[data-chip]").count()) > 0)
      await page.click("button[data-chip]");
    for (const each of limit) {
      await page.fill("#limit", each);
      await page.press("#limit", "Enter");
    }
    await page.fill("#budget", budget);
    await page.dispatchEvent("#budget", "change");
  });
  if (!(await page.locator("#limit-error").isHidden())) {
    expect(await page.textContent("#limit-error")).toMatch(/budget|limit|needs/i);
    return null;
  }
  const text = (await page.textContent("#answer")) ?? "";
  return compared(JSON.parse(text) as SolveReport);
}
