import type { ExplainReport } from "../../documents/explain.ts";
import { count } from "../amounts.ts";
import { html, type Markup, name, table } from "./markup.ts";
import type { Subject } from "./subject.ts";

type Structure = NonNullable<Subject["structure"]>;
type StructureDim = Structure["dims"][number];

/** What a click on a dim shows: data for the page's script. */
export interface DimDetail {
  readonly name: string;
  readonly total: number;
  readonly kept: number;
  /** Summed score per unit, best first, and whether the unit is kept. */
  readonly scores: readonly (readonly [number, boolean])[];
  readonly why: string;
}

/** Widths before and after, block by block, with layers to open; null without a structure and an answer. */
export function networkSection(subject: Subject): Markup | null {
  const { structure, solve } = subject;
  if (structure === null || solve === null) return null;
  const dropped = new Set(solve.droppedBlocks);
  const groups = new Map<string | null, StructureDim[]>([[null, []]]);
  for (const block of structure.blocks) groups.set(block.name, []);
  for (const dim of structure.dims) groups.get(dim.block)?.push(dim);
  const widest = Math.max(
    1,
    ...structure.dims.map(({ units, unitChannels }) => units * unitChannels),
  );
  return html`<section class="network"><h2>Network, before and after</h2>
<p>Each bar is a dim: channels that stay or go together. Dark is kept, light is removed. Select a dim for its scores and the reason.</p>
${[...groups].map(([block, dims]) => {
  const isGone = block !== null && dropped.has(block);
  const title = block === null ? html`Outside blocks` : name(block);
  return dims.length === 0 && block === null
    ? null
    : html`<div class="block${isGone ? " gone" : ""}" data-block="${block ?? ""}">
<h3>${title}${isGone ? html` <span class="tag">dropped</span>` : null}</h3>
${dims.map((dim) => dimBar(subject, dim, widest))}
${layerTable(subject, block)}${opsDetails(subject, block)}</div>`;
})}
<aside class="detail" aria-live="polite" hidden></aside>
</section>`;
}

function dimBar({ solve, structure }: Subject, dim: StructureDim, widest: number): Markup {
  const total = dim.units * dim.unitChannels;
  const ended = solve?.dims.find((each) => each.name === dim.name);
  const kept = ended?.kept ?? total;
  const whole = ended?.whole ?? dim.pinned;
  const component = dim.component ?? null;
  const index = structure?.dims.indexOf(dim) ?? -1;
  const tone = component === null ? "" : ` tone${toneOf(structure, component)}`;
  return html`<button type="button" class="dim${tone}" data-dim="${index}">
<span class="label">${name(dim.name)}${component === null ? null : html` <span class="tag">${name(component)}</span>`}</span>
<span class="bar" style="width:${((100 * total) / widest).toFixed(2)}%"><span class="kept" style="width:${((100 * kept) / Math.max(1, total)).toFixed(2)}%"></span></span>
<span class="amount">${kept} of ${total}</span>${
    whole === null ? null : html`<span class="why">${whole}</span>`
  }</button>`;
}

/** Opened, the page's script draws the ops of the block here. */
function opsDetails({ structure }: Subject, block: string | null): Markup | null {
  const inside = (structure?.ops ?? []).filter((op) => op.block === block);
  if (inside.length < 2) return null;
  return html`<details class="ops" data-ops="${block ?? ""}"><summary>${inside.length} operations, drawn</summary><div class="scroll drawing" tabindex="0" role="group" aria-label="Drawing of the operations"></div></details>`;
}

function toneOf(structure: Structure | null, component: string): number {
  const all = (structure?.components ?? []).map((each) => each.name);
  const at = all.indexOf(component.split("+")[0] ?? component);
  return (at + 6) % 6;
}

function layerTable({ structure, solve }: Subject, block: string | null): Markup | null {
  if (structure === null || solve === null) return null;
  const inside = structure.layers.filter(({ blocks }) => (blocks.at(-1) ?? null) === block);
  if (inside.length === 0) return null;
  const gone = new Set(solve.droppedLayers);
  return html`<details><summary>${inside.length} layer${inside.length === 1 ? "" : "s"}</summary>${table(
    "Layers",
    [
      { title: "layer", isNumber: false },
      { title: "operation", isNumber: false },
      { title: "parameters", isNumber: true },
      { title: "MACs", isNumber: true },
      { title: "", isNumber: false },
    ],
    inside.map((layer) => [
      { content: name(layer.name) },
      { content: layer.opType },
      { content: count(layer.parameters), sort: layer.parameters },
      { content: count(layer.macs), sort: layer.macs },
      { content: gone.has(layer.name) ? "dropped" : "" },
    ]),
  )}</details>`;
}

/** Scores are cut to this many units per dim, evenly, so that a page of a wide network stays small. */
const MOST_SCORES = 256;

/** Per dim of the structure, in its order. */
export function dimDetails(subject: Subject): DimDetail[] {
  const { structure, solve, subnet, importance, explain } = subject;
  if (structure === null || solve === null) return [];
  return structure.dims.map((dim): DimDetail => {
    const total = dim.units * dim.unitChannels;
    const ended = solve.dims.find((each) => each.name === dim.name);
    const scored = importance?.dims.find((each) => each.dim === dim.name);
    const kept = indicesOf(subnet?.dims.find((each) => each.dim === dim.name)?.indices ?? "");
    const sums = new Array<number>(dim.units).fill(0);
    for (const { scores } of scored?.layers ?? []) {
      scores.forEach((score, unit) => {
        sums[unit] = (sums[unit] ?? 0) + score;
      });
    }
    const scores = sums
      .map((score, unit) => [score, kept.has(unit)] as const)
      .sort((one, other) => other[0] - one[0]);
    const stride = Math.max(1, Math.ceil(scores.length / MOST_SCORES));
    return {
      name: dim.name,
      total,
      kept: ended?.kept ?? total,
      scores: scored === undefined ? [] : scores.filter((_, at) => at % stride === 0),
      why: whyText(dim, ended?.whole ?? null, explain),
    };
  });
}

function indicesOf(ranges: string): Set<number> {
  const all = new Set<number>();
  for (const range of ranges.split(",").filter((text) => text !== "")) {
    const [first = 0, last = first] = range.split("-").map(Number);
    for (let at = first; at <= last; at += 1) all.add(at);
  }
  return all;
}

const REASONS = {
  "only-choice": "It had one choice only.",
  gone: "It went with its block.",
  narrowed: "It was narrowed: what it lost was worth less than the latency it cost.",
  floor: "It is at its least width.",
  "no-saving": "Fewer units would save no latency.",
  "worth-more": "Its units are worth more than the latency they cost.",
} satisfies Record<ExplainReport["explanation"]["dims"][number]["why"], string>;

function whyText(dim: StructureDim, whole: string | null, explain: ExplainReport | null): string {
  if (whole !== null) return `Stays whole: ${whole}.`;
  const explained = explain?.explanation.dims.find((each) => each.name === dim.name);
  if (explained === undefined) return "";
  const step = (what: string, side: typeof explained.narrower): string =>
    side === null ? "" : ` One step ${what} (${side.count} units) costs ${lossText(side.loss)}.`;
  return `${REASONS[explained.why]}${step("narrower", explained.narrower)}${step("wider", explained.wider)}`;
}

function lossText(loss: ExplainReport["explanation"]["blocks"][number]["loss"]): string {
  switch (loss.kind) {
    case "exact":
      return `${loss.loss.toPrecision(4)} of the objective`;
    case "between":
      return loss.least === null
        ? "an unknown amount"
        : `at least ${loss.least.toPrecision(4)} of the objective`;
    case "impossible":
      return "more than the limits allow";
    default:
      return loss satisfies never;
  }
}
