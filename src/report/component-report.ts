import { componentLinks, componentSizes } from "../structure/components/links.ts";
import type { Structure } from "../structure/structure.ts";
import { FAINT, FONT, INK, PAPER } from "./figures/theme.ts";
import { count, plainTable } from "./solve-report.ts";

const ORIGINS = {
  names: "the layers' names",
  graph: "the graph",
  hand: "regular expressions of yours",
} as const;

/** Components with their size, then the dims that join several of them. */
export function componentText(structure: Structure): string {
  const { components, dims } = structure;
  if (components.length === 0) {
    return "Components  none: neither the layers' names nor the graph split this network. Name them: --component head=fc.*";
  }
  const origins = [...new Set(components.map(({ origin }) => ORIGINS[origin]))];
  const sizes = componentSizes(structure);
  const table = plainTable(
    ["component", "layers", "parameters", "MACs", "dims inside", "dims shared"],
    ["left", "right", "right", "right", "right", "right"],
  );
  for (const [index, { name, layers }] of components.entries()) {
    const open = dims.filter(({ pinned }) => pinned === null);
    const inside = open.filter(({ component }) => component === name);
    const shared = open.filter((dim) => isJoined(dim.component, name));
    table.push([
      name,
      layers.length,
      sizes[index]?.parameters ?? 0,
      Math.round(sizes[index]?.macs ?? 0),
      inside.length,
      shared.length,
    ]);
  }
  const joints = dims.filter(
    ({ component, pinned }) => pinned === null && component?.includes("+"),
  );
  return [
    `Components  ${components.length}, found from ${origins.join(" and ")}`,
    "",
    table.toString(),
    ...(joints.length === 0 ? [] : ["", "Dims between components", "", jointTable(structure)]),
  ].join("\n");
}

function isJoined(scope: string | null, name: string): boolean {
  const parts = scope?.split("+") ?? [];
  return parts.length > 1 && parts.includes(name);
}

function jointTable({ dims }: Structure): string {
  const table = plainTable(["dim", "units", "joins"], ["left", "right", "left"]);
  for (const { name, size, component, pinned } of dims) {
    if (pinned === null && component?.includes("+")) table.push([name, size, component]);
  }
  return table.toString();
}

const BOX = { width: 190, height: 74, gapX: 90, gapY: 28, margin: 24, title: 40 } as const;

/** The components as boxes from left to right, and what flows between them, as SVG. The same structure gives the same bytes. */
export function componentFigure(structure: Structure, title: string): string {
  const { components, dims } = structure;
  const links = componentLinks(structure);
  const sizes = componentSizes(structure);
  const columns = columnsOf(components.length, links);
  const rows = components.map(
    (_, index) => columns.slice(0, index).filter((column) => column === columns[index]).length,
  );
  const left = (index: number): number =>
    BOX.margin + (columns[index] ?? 0) * (BOX.width + BOX.gapX);
  const top = (index: number): number =>
    BOX.margin + BOX.title + (rows[index] ?? 0) * (BOX.height + BOX.gapY);
  const width = Math.max(0, ...components.map((_, index) => left(index) + BOX.width)) + BOX.margin;
  const height = Math.max(0, ...components.map((_, index) => top(index) + BOX.height)) + BOX.margin;
  const lines = links.map(({ from, to, dims: on }) => {
    const [x1, y1] = [left(from) + BOX.width, top(from) + BOX.height / 2];
    const [x2, y2] = [left(to), top(to) + BOX.height / 2];
    const middle = (x1 + x2) / 2;
    const widths = on.map((dim) => dims[dim]?.size ?? 0).join(" + ");
    return [
      `<path d="M${x1} ${y1} C${middle} ${y1} ${middle} ${y2} ${x2} ${y2}" fill="none" stroke="${FAINT}" stroke-width="1.5" marker-end="url(#arrow)"/>`,
      text(middle, (y1 + y2) / 2 - 6, widths, 12, FAINT, "middle"),
    ].join("");
  });
  const boxes = components.map(({ name, layers }, index) =>
    [
      `<rect x="${left(index)}" y="${top(index)}" width="${BOX.width}" height="${BOX.height}" rx="6" fill="${PAPER}" stroke="${INK}"/>`,
      text(left(index) + 12, top(index) + 24, name, 15, INK, "start", "bold"),
      text(left(index) + 12, top(index) + 44, `${layers.length} layers`, 12, FAINT),
      text(
        left(index) + 12,
        top(index) + 62,
        `${count(sizes[index]?.parameters ?? 0)} parameters`,
        12,
        FAINT,
      ),
    ].join(""),
  );
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}" font-family="${FONT}">`,
    `<defs><marker id="arrow" viewBox="0 0 8 8" refX="8" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0 L8 4 L0 8 z" fill="${FAINT}"/></marker></defs>`,
    `<rect width="${width}" height="${height}" fill="${PAPER}"/>`,
    text(BOX.margin, BOX.margin + 10, title, 18, INK, "start", "bold"),
    ...lines,
    ...boxes,
    "</svg>",
    "",
  ].join("\n");
}

/** The longest way to each component; a link back to an earlier one moves nothing. */
function columnsOf(
  size: number,
  links: readonly { readonly from: number; readonly to: number }[],
): readonly number[] {
  const columns = new Array<number>(size).fill(0);
  for (let index = 0; index < size; index += 1) {
    for (const { from, to } of links) {
      if (to === index && from < to) {
        columns[index] = Math.max(columns[index] ?? 0, (columns[from] ?? 0) + 1);
      }
    }
  }
  return columns;
}

function text(
  x: number,
  y: number,
  content: string,
  size: number,
  colour: string,
  anchor = "start",
  weight = "normal",
): string {
  const safe = content.replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `<text x="${x}" y="${y}" font-size="${size}" fill="${colour}" text-anchor="${anchor}" font-weight="${weight}">${safe}</text>`;
}
