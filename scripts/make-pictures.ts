/**
 * Draws the pictures of README and docs from measured figures and from the embedded network:
 *
 *   npx tsx scripts/make-pictures.ts                 the charts, as SVG
 *   npx tsx scripts/make-pictures.ts report RUN...   pages of these runs as PNG; needs Chromium (MDP_CHROMIUM names it)
 *
 * docs/results/methods-trained.json -> docs/pictures/resnet56.svg
 * a report of the runs              -> docs/pictures/report-*.png
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { EChartsOption } from "echarts";
import { chromium } from "playwright-core";
import sharp from "sharp";
import { packageRoot } from "../src/core/files.ts";
import { writeReport } from "../src/pipeline/report/write-report.ts";
import {
  axisStyle,
  FIGURE,
  styledLine,
  svgOf,
  textStyle,
  titleOf,
} from "../src/report/figures/chart.ts";
import { FAINT, INK } from "../src/report/figures/theme.ts";

interface Point {
  readonly latencyMs: number;
  readonly top1: number;
}

interface Measured {
  readonly command: string;
  readonly machine: string;
  readonly date: string;
  readonly network: string;
  readonly dense: Point;
  readonly methods: Readonly<Record<string, readonly Point[]>>;
}

const docs = join(packageRoot(), "docs");
async function drawCharts(): Promise<void> {
  const measured = JSON.parse(
    readFileSync(join(docs, "results/methods-trained.json"), "utf8"),
  ) as Measured;
  writeFileSync(join(docs, "pictures/resnet56.svg"), await svgOf(optionOf(measured), 880, 460));
}

function optionOf({ network, date, dense, methods }: Measured): EChartsOption {
  return {
    ...FIGURE,
    title: titleOf(
      "Accuracy against measured latency",
      `${network}; repaired, trained for 3 epochs; ${date}`,
    ),
    legend: {
      ...{ top: 66, left: 76, itemWidth: 36, itemGap: 32, textStyle: textStyle(INK, 13) },
      data: Object.keys(methods),
    },
    grid: { left: 76, right: 56, top: 104, bottom: 64 },
    xAxis: { ...axisStyle("measured latency, ms", 34), type: "value", min: 3, max: 21 },
    yAxis: { ...axisStyle("top-1 accuracy, %", 50), type: "value", min: 55, max: 90 },
    series: [
      ...Object.entries(methods).map(([name, points], index) =>
        styledLine(
          index,
          name,
          [...points].reverse().map(({ latencyMs, top1 }) => [latencyMs, top1] as const),
        ),
      ),
      {
        ...{
          type: "scatter",
          symbol: "diamond",
          symbolSize: 13,
          itemStyle: { color: INK, opacity: 1 },
        },
        data: [[dense.latencyMs, dense.top1]],
        label: {
          ...{ show: true, position: "left", formatter: "dense network" },
          ...textStyle(FAINT, 13),
        },
      },
    ],
  };
}

/** What is drawn of a report: a name, what is selected first, and what is in the picture. */
const PARTS = [
  { name: "summary", select: null, show: "#s0 .part:has(.summary)", height: 620 },
  { name: "stages", select: null, show: "#s0 .part:has(.stages)", height: 700 },
  {
    name: "operation",
    select: "#s0 tr:nth-child(4) button[data-op]",
    show: "#s0 .latency .detail",
    height: 700,
  },
  { name: "frontier", select: null, show: "section.frontier", height: 900 },
] as const;

/** Pictures of the parts of a report, small: 256 colours. */
async function drawReport(paths: readonly string[]): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "mdp-pictures-"));
  const out = join(folder, "report.html");
  await writeReport({ paths, out });
  const executablePath = process.env["MDP_CHROMIUM"] ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
  try {
    const page = await browser.newPage({ viewport: { width: 1000, height: 1000 } });
    await page.goto(pathToFileURL(out).href);
    for (const { name, select, show, height } of PARTS) {
      const place = page.locator(show).first();
      if ((await place.count()) === 0) continue;
      if (select !== null) await page.locator(select).click();
      const picture = sharp(await place.screenshot());
      const { width = 1, height: whole = 1 } = await picture.metadata();
      const png = await picture
        .extract({ left: 0, top: 0, width, height: Math.min(height, whole) })
        .png({ palette: true, colours: 64, compressionLevel: 9 })
        .toBuffer();
      writeFileSync(join(docs, `pictures/report-${name}.png`), png);
      if (select !== null) await page.keyboard.press("Escape");
    }
  } finally {
    await browser.close();
    rmSync(folder, { recursive: true, force: true });
  }
}

const [what, ...runs] = process.argv.slice(2);
if (what === "report") await drawReport(runs);
else await drawCharts();
