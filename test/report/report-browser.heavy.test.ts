import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Page } from "playwright-core";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { writeReport } from "../../src/pipeline/report/write-report.ts";
import {
  chromiumPath,
  type Faults,
  seriousFaults,
  startBrowser,
  type TestBrowser,
  widths,
} from "../helpers/browser.ts";
import { everyFigure } from "../helpers/every-figure.ts";
import { writeOtherFolder, writeRunFolder, writeSweepFolder } from "../helpers/report-folders.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-report-page-"));
const RUN = join(folder, "run");
const SWEEP = join(folder, "frontier");
const OTHER = join(folder, "other");

/** A run, a sweep and every document that needs no network, as commands write them. */
async function makeFolders(): Promise<void> {
  const model = join(folder, "net.onnx");
  await writeRunFolder(RUN, model);
  await writeSweepFolder(SWEEP, model);
  writeOtherFolder(OTHER);
}

describe.skipIf(chromiumPath() === null)(
  "report pages in Chromium (skipped where there is none)",
  () => {
    let browser: TestBrowser;
    let page: Page;
    let faults: Faults;
    let html = "";
    beforeAll(async () => {
      await makeFolders();
      const out = join(folder, "report.html");
      await writeReport({ paths: [RUN, SWEEP, OTHER], out });
      html = readFileSync(out, "utf8");
      browser = await startBrowser();
      ({ page, faults } = await browser.open(html));
    });
    afterAll(async () => {
      await browser?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    test("every section whose documents are there is shown once per subject", async () => {
      const shown = await page
        .locator("section")
        .evaluateAll((all) => all.map(({ className }) => className));
      expect(shown).toEqual([
        "overview",
        ...["summary", "network", "latency", "provenance"],
        ...["frontier", "provenance"],
        ...["release", "summary", "stages", "groups", "measured", "by-metrics", "sparsity"],
        ...["knowledge", "provenance"],
      ]);
      expect(html.length).toBeLessThan(3e6);
    });

    test("a dim opens by the keyboard with its scores, and Escape leads back to it", async () => {
      await page.locator("#s0 button.dim").first().focus();
      await page.keyboard.press("Enter");
      const detail = page.locator("#s0 .network .detail");
      expect(await detail.textContent()).toContain("of 16 kept");
      expect(await detail.locator("rect.score.kept").count()).toBeGreaterThan(0);
      await page.keyboard.press("Escape");
      expect(await detail.isHidden()).toBe(true);
      expect(await page.evaluate("document.activeElement.dataset.dim")).toBe("0");
    });

    test("an operation opens the table behind it, with the chosen cell framed, and the figure can be saved", async () => {
      // The slowest one reads and writes widths that can be chosen.
      await page.locator("#s0 button[data-op]").first().click();
      const detail = page.locator("#s0 .latency .detail");
      expect(await detail.locator("p").first().textContent()).toMatch(/dense .*; chosen .* ms/);
      expect(await detail.locator(".frame.chosen.over").count()).toBe(1);
      const [download] = await Promise.all([
        page.waitForEvent("download"),
        detail.locator("button[data-save='svg']").click(),
      ]);
      const svg = readFileSync(await download.path(), "utf8");
      expect(svg).toMatch(/^<svg [^>]*xmlns="http:\/\/www.w3.org\/2000\/svg"/);
      expect(svg).not.toContain("var(");
      const [png] = await Promise.all([
        page.waitForEvent("download"),
        detail.locator("button[data-save='png']").click(),
      ]);
      expect(
        readFileSync(await png.path())
          .subarray(1, 4)
          .toString(),
      ).toBe("PNG");
      await page.keyboard.press("Escape");
    });

    test("the slider moves over the points: text, widths and the row of the table follow", async () => {
      const slider = page.locator("#s1 input.point");
      await slider.focus();
      const text = page.locator("#s1 .point-text");
      expect(await text.textContent()).toMatch(/^80%/);
      const before = await page.locator("#s1 .widths").innerHTML();
      await page.keyboard.press("End");
      expect(await text.textContent()).toMatch(/^40%/);
      expect(await slider.getAttribute("aria-valuetext")).toMatch(/^40%/);
      expect(await page.locator("#s1 .widths").innerHTML()).not.toBe(before);
      expect(await page.locator("#s1 tr.now").textContent()).toMatch(/^40%/);
    });

    test("tables sort by a click on a heading and are filtered by a word", async () => {
      const cells = page.locator("#s0 .latency tbody tr:visible td:nth-child(3)");
      await page.locator("#s0 .latency th", { hasText: "dense" }).locator("button").click();
      const times = (await cells.allTextContents()).map(Number);
      expect(times).toEqual([...times].sort((one, other) => one - other));
      await page.fill("#s0 .latency .find", "gemm");
      const names = await page
        .locator("#s0 .latency tbody tr:visible td:nth-child(2)")
        .allTextContents();
      expect(names.length).toBeGreaterThan(0);
      expect(names.every((name) => name === "Gemm")).toBe(true);
      await page.fill("#s0 .latency .find", "");
    });

    test("Chromium draws every figure as librsvg does, and a difference is noticed", async () => {
      const figures = await everyFigure();
      const { page: blank } = await browser.open("<!doctype html><body style='margin:0'></body>");
      const inChromium = async (svg: string): Promise<Buffer> => {
        await blank.evaluate(`document.body.innerHTML = ${JSON.stringify(svg)}`);
        return blank.locator("svg").screenshot();
      };
      for (const [name, svg] of figures) {
        const [one, other] = [
          await inChromium(svg),
          await sharp(Buffer.from(svg)).png().toBuffer(),
        ];
        expect(await distance(one, other), name).toBeLessThan(6);
      }
      const sweep = figures.get("sweep") ?? "";
      const boxed = sweep.replace("</svg>", '<rect x="76" y="92" width="740" height="300"/></svg>');
      expect(
        await distance(await inChromium(boxed), await sharp(Buffer.from(sweep)).png().toBuffer()),
      ).toBeGreaterThan(20);
      await blank.close();
    });

    test("axe finds no serious fault with everything open, in light and dark, and nothing leaves the page", async () => {
      for (const folded of await page.locator("details > summary").all()) await folded.click();
      await page.locator("#s0 button.dim").first().click();
      for (const colorScheme of ["light", "dark"] as const) {
        await page.emulateMedia({ colorScheme });
        expect(await seriousFaults(page), colorScheme).toEqual([]);
      }
      expect(faults).toEqual({ errors: [], requests: [] });
    });

    test("no section is wider than a window of 400 pixels, and paper shows no controls", async () => {
      await page.setViewportSize({ width: 400, height: 800 });
      const { page: wide, window } = await widths(page);
      expect(wide).toBeLessThanOrEqual(window);
      await page.emulateMedia({ media: "print" });
      expect(
        await page
          .locator("button[data-save], .detail, nav, .copy")
          .filter({ visible: true })
          .count(),
      ).toBe(0);
    });
  },
);

/** Mean difference of brightness, 0 to 255, of two pictures at 88 x 56 cells: fonts differ between renderers, boxes must not. */
async function distance(one: Buffer, other: Buffer): Promise<number> {
  const [first, second] = await Promise.all(
    [one, other].map((picture) =>
      sharp(picture)
        .flatten({ background: "#ffffff" })
        .greyscale()
        .resize(88, 56, { fit: "fill" })
        .raw()
        .toBuffer(),
    ),
  );
  if (first === undefined || second === undefined) return Number.POSITIVE_INFINITY;
  return (
    first.reduce((sum, grey, at) => sum + Math.abs(grey - (second[at] ?? 0)), 0) / first.length
  );
}
