import { count } from "../amounts.ts";
import { type Chosen, chosenOf } from "./chosen.ts";
import { lossText } from "./loss-text.ts";
import { bar, html, type Markup, name, plainTable } from "./markup.ts";
import type { Subject } from "./subject.ts";

type Structure = NonNullable<Subject["structure"]>;
type StructureDim = Structure["dims"][number];

/** Components have this many colours and hatchings. */
const TONES = 6;

/** What every bar is drawn from. */
interface Drawn {
  readonly structure: Structure;
  readonly chosen: Chosen;
  readonly widest: number;
  /** Why a dim has no choice, by its name. */
  readonly whole: ReadonlyMap<string, string>;
  readonly tones: ReadonlyMap<string, number>;
  readonly explain: Subject["explain"];
}

/** Widths before and after, block by block, with layers to open; null without a structure and a choice. */
export function networkSection(subject: Subject): Markup | null {
  const { structure, solve, explain } = subject;
  const chosen = chosenOf(subject);
  if (structure === null || chosen === null) return null;
  const groups = new Map<string | null, StructureDim[]>([[null, []]]);
  for (const block of structure.blocks) groups.set(block.name, []);
  for (const dim of structure.dims) groups.get(dim.block)?.push(dim);
  const components = (structure.components ?? []).map((each) => each.name);
  const drawn: Drawn = {
    ...{ structure, chosen, explain },
    widest: Math.max(1, ...structure.dims.map(({ units, unitChannels }) => units * unitChannels)),
    whole: new Map(
      (solve?.dims ?? []).flatMap(({ name: dim, whole }) => (whole === null ? [] : [[dim, whole]])),
    ),
    tones: new Map(components.map((component, at) => [component, at % TONES])),
  };
  const hasReasons = explain !== null || subject.reasons !== null;
  return html`<section class="network"><h2>Network, before and after</h2>
<p>Each bar is a dim: channels that stay or go together. The filled part is kept, the pale part is removed. Select a dim for its scores${hasReasons ? ", what one step costs" : ""} and why it stayed.${explain === null ? "" : " Costs are those of a choice with everything else chosen again."}</p>
${openCosts(subject)}
${legend(components)}
<div class="blocks">${[...groups].map(([block, dims]) => blockMarkup(drawn, block, dims))}</div>
<aside class="detail" aria-live="polite" aria-label="The selected dim" hidden></aside>
</section>`;
}

function legend(components: readonly string[]): Markup | null {
  if (components.length < 2) return null;
  return html`<p class="legend">Components: ${components.map(
    (component, at) =>
      html`<span class="key tone${at % TONES}">${bar(1, 1)}${name(component)}</span> `,
  )}</p>`;
}

function blockMarkup(
  drawn: Drawn,
  block: string | null,
  dims: readonly StructureDim[],
): Markup | null {
  const { structure, chosen } = drawn;
  const layers = layerTable(drawn, block);
  const ops = opsDetails(structure, block);
  if (dims.length === 0 && layers === null && ops === null) return null;
  const isGone = block !== null && chosen.droppedBlocks.has(block);
  const title = block === null ? html`Outside blocks` : name(block);
  return html`<div class="block${isGone ? " gone" : ""}" data-block="${block ?? ""}">
<h3>${title}${isGone ? html` <span class="tag">dropped</span>` : null}</h3>
${block === null ? null : blockReason(drawn, block)}
${dims.map((dim) => dimBar(drawn, dim))}
<div class="folds">${layers}${ops}</div></div>`;
}

/** What it would cost to decide the block the other way. */
function blockReason({ explain }: Drawn, block: string): Markup | null {
  const found = explain?.explanation.blocks.find((each) => each.name === block);
  const text = explain === null || found === undefined ? null : lossText(found.loss, explain);
  if (found === undefined || text === null) return null;
  return html`<p class="reason">${found.kept ? "Dropping it" : "Keeping it"} ${text}.</p>`;
}

/** That a run had no time to find them all. */
function openCosts({ explain }: Subject): Markup | null {
  if (explain === null) return null;
  const { dims, blocks } = explain.explanation;
  const steps = dims.flatMap(({ narrower, wider }) => [narrower, wider]);
  const asked = [...steps, ...blocks].filter((each) => each !== null);
  const open = asked.filter(({ loss }) => loss.kind === "between").length;
  if (open === 0) return null;
  return html`<p class="notes">The time was over before ${open} of ${asked.length} costs were known exactly; mdp explain takes the time that it needs.</p>`;
}

function dimBar({ structure, chosen, widest, whole, tones }: Drawn, dim: StructureDim): Markup {
  const total = dim.units * dim.unitChannels;
  const kept = chosen.kept.get(dim.name) ?? total;
  const reason = whole.get(dim.name) ?? dim.pinned;
  const component = dim.component ?? null;
  const tone = tones.get(component?.split("+")[0] ?? "");
  return html`<button class="dim${tone === undefined ? "" : ` tone${tone}`}" data-dim="${structure.dims.indexOf(dim)}">
<span class="label">${name(dim.name)}${component === null || tones.size < 2 ? null : html` <span class="tag">${name(component)}</span>`}</span>
${bar(total / widest, kept / Math.max(1, total))}
<span class="amount">${kept} of ${total}</span>${
    reason === null ? null : html`<span class="why">${name(reason)}</span>`
  }</button>`;
}

/** Opened, the page's script draws the ops of the block here. */
function opsDetails({ ops = [] }: Structure, block: string | null): Markup | null {
  const inside = ops.filter((op) => op.block === block);
  if (inside.length < 2) return null;
  return html`<details class="ops" data-ops="${block ?? ""}"><summary>${inside.length} operations, drawn</summary><div class="scroll drawing" tabindex="0" role="group" aria-label="Drawing of the operations"></div></details>`;
}

function layerTable({ structure, chosen }: Drawn, block: string | null): Markup | null {
  const inside = structure.layers.filter(({ blocks }) => (blocks.at(-1) ?? null) === block);
  if (inside.length === 0) return null;
  const isBlockGone = block !== null && chosen.droppedBlocks.has(block);
  return html`<details><summary>${inside.length} layer${inside.length === 1 ? "" : "s"}</summary>${plainTable(
    [
      { title: "layer", isNumber: false },
      { title: "operation", isNumber: false },
      { title: "parameters, dense", isNumber: true },
      { title: "MACs, dense", isNumber: true },
      { title: "chosen", isNumber: false },
    ],
    inside.map((layer) => {
      const isGone = isBlockGone || chosen.droppedLayers.has(layer.name);
      return [
        { content: isGone ? html`<s>${name(layer.name)}</s>` : name(layer.name) },
        { content: layer.opType },
        { content: count(layer.parameters) },
        { content: count(layer.macs) },
        { content: isBlockGone ? "dropped with its block" : isGone ? "dropped" : "stays" },
      ];
    }),
  )}</details>`;
}
