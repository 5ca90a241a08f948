import { spawnSync } from "node:child_process";
import sharp from "sharp";
import { beforeAll, expect, test } from "vitest";
import { statedInterval } from "../../src/report/figures/scatter-chart.ts";
import { inPage, LOW_TO_HIGH, PAPER, SERIES } from "../../src/report/figures/theme.ts";
import { everyFigure } from "../helpers/every-figure.ts";

let figures: ReadonlyMap<string, string> = new Map();
beforeAll(async () => {
  figures = await everyFigure();
});

/** Brightness of each pixel, 0 to 255, of a picture of 88 x 56 cells. */
async function greys(picture: Buffer): Promise<Uint8Array> {
  const { data } = await sharp(picture)
    .flatten({ background: PAPER })
    .greyscale()
    .resize(88, 56, { fit: "fill" })
    .raw()
    .toBuffer({ resolveWithObject: true });
  return data;
}

/** Why a rendered figure can't be right; empty where nothing is wrong. A black box or nothing at all is found. */
async function faultsOf(name: string, picture: Buffer): Promise<string[]> {
  const shades = await greys(picture);
  const share = (holds: (grey: number) => boolean): number =>
    shades.filter(holds).length / shades.length;
  const dark = share((grey) => grey < 60);
  const paper = share((grey) => grey > 240);
  // A map's darkest cells are dark; everything else is lines and text on paper.
  const [mostDark, leastPaper] = name === "map" ? [0.3, 0.2] : [0.03, 0.6];
  return [
    ...(dark > mostDark ? [`${name}: ${(100 * dark).toFixed(1)} % is black`] : []),
    ...(paper < leastPaper ? [`${name}: only ${(100 * paper).toFixed(1)} % is paper`] : []),
    ...(paper > 0.995 ? [`${name}: nothing is drawn`] : []),
  ];
}

test("there is a figure of every kind", () => {
  expect([...figures.keys()]).toEqual([
    ...["sweep", "frontiers", "compare", "map", "stairs", "profile", "calibrate", "groups"],
    ...["knowledge", "stages", "components", "readme"],
  ]);
});

test("no figure needs transparency, clipping, filters or styles, which renderers treat in their own ways", () => {
  for (const [name, svg] of figures) {
    expect(svg, name).not.toMatch(/opacity="(?!1")|rgba\(|clip-path|<filter|<style|<foreignObject/);
    expect(svg, name).not.toMatch(/href="(?!#)/);
  }
});

test("librsvg draws every figure without black boxes, and one with a black box is noticed", async () => {
  for (const [name, svg] of figures)
    expect(await faultsOf(name, await sharp(Buffer.from(svg)).png().toBuffer())).toEqual([]);
  const svg = figures.get("sweep") ?? "";
  const boxed = svg.replace("</svg>", '<rect x="76" y="92" width="740" height="300"/></svg>');
  expect(await faultsOf("boxed", await sharp(Buffer.from(boxed)).png().toBuffer())).not.toEqual([]);
});

const hasRsvg = spawnSync("rsvg-convert", ["--version"]).status === 0;
test.skipIf(!hasRsvg)("rsvg-convert, where it is installed, draws the same", async () => {
  for (const [name, svg] of figures) {
    const { stdout, status } = spawnSync("rsvg-convert", [], { input: svg, maxBuffer: 2 ** 26 });
    expect(status, name).toBe(0);
    expect(await faultsOf(name, stdout)).toEqual([]);
  }
});

test("series can be told apart in grey: no two share a dash or a symbol", () => {
  expect(new Set(SERIES.map(({ dash }) => JSON.stringify(dash))).size).toBe(SERIES.length);
  expect(new Set(SERIES.map(({ symbol }) => symbol)).size).toBe(SERIES.length);
});

test("more is darker in maps, in grey too", () => {
  const brightness = LOW_TO_HIGH.map((hex) => luminance(hex));
  expect(brightness).toEqual([...brightness].sort((one, other) => other - one));
  for (const [at, each] of brightness.slice(1).entries())
    expect((brightness[at] ?? 0) - each).toBeGreaterThan(0.02);
});

test("every series stands out from the paper (WCAG 2, contrast of graphics: 3)", () => {
  for (const { color } of SERIES) expect(1.05 / (luminance(color) + 0.05)).toBeGreaterThan(3);
});

test("in a page the theme's colours are the page's variables, and the figure has a name", () => {
  const svg = inPage(figures.get("sweep") ?? "", 'a "name" <b>');
  expect(svg).toContain('role="img" aria-label="a  name   b "');
  expect(svg).toContain("var(--series1)");
  expect(svg).not.toContain(PAPER);
});

test("the interval of a prediction is the table's: none where nobody looked", () => {
  const table = { expectedError: { mean: 0.05, worst: 0.1, networks: 9, how: "" }, spread: null };
  const stated = statedInterval({ table } as never, 10);
  // ln F is normal with mean |ln F| of 0.05: deviation 0.05 * sqrt(pi / 2), and 1.645 of them at 90 %.
  const reach = Math.exp(1.6449 * 0.05 * Math.sqrt(Math.PI / 2));
  expect(stated?.highMs).toBeCloseTo(10 * reach, 3);
  expect(stated?.lowMs).toBeCloseTo(10 / reach, 1);
  expect(statedInterval({ table: { ...table, expectedError: null } } as never, 10)).toBeNull();
});

/** Relative luminance as WCAG 2 defines it. */
function luminance(hex: string): number {
  const [red = 0, green = 0, blue = 0] = [1, 3, 5].map((at) => {
    const value = Number.parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  });
  return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
}
