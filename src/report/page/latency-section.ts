import { milliseconds, percent } from "../amounts.ts";
import { html, type Markup, name, table } from "./markup.ts";
import type { Subject } from "./subject.ts";
import { PREDICTED } from "./summary-section.ts";

type Table = NonNullable<Subject["table"]>;
type Op = Table["ops"][number];

interface OpTimes {
  readonly op: Op;
  readonly dense: number;
  /** 0 where it went with its block. */
  readonly chosen: number;
}

/** Time per operation before and after, slowest first; null without a table. */
export function latencySection(subject: Subject): Markup | null {
  const latencyTable = subject.table;
  if (latencyTable === null) return null;
  const times = timesOf(subject, latencyTable);
  const slowest = Math.max(...times.map(({ dense }) => dense), 1e-9);
  const mark = latencyTable.device.kind === "predicted" ? PREDICTED : null;
  const hasChoice = subject.subnet !== null && subject.structure !== null;
  return html`<section class="latency"><h2>Latency by operation ${mark}</h2>
<p>${latencyTable.ops.length} operations; ${milliseconds(latencyTable.fixedMs)} are fixed: no choice changes them.</p>
${table(
  "Operations, slowest first",
  [
    { title: "operation", isNumber: false },
    { title: "kind", isNumber: false },
    { title: "dense", isNumber: true },
    ...(hasChoice
      ? [
          { title: "chosen", isNumber: true },
          { title: "kept", isNumber: true },
        ]
      : []),
    { title: "time", isNumber: false },
  ],
  times.map(({ op, dense, chosen }) => [
    { content: name(op.label) },
    { content: op.kind },
    { content: milliseconds(dense), sort: dense },
    ...(hasChoice
      ? [
          { content: milliseconds(chosen), sort: chosen },
          {
            content: dense > 0 ? percent(chosen / dense) : "–",
            sort: dense > 0 ? chosen / dense : 0,
          },
        ]
      : []),
    {
      content: html`<span class="bar" style="width:${((100 * dense) / slowest).toFixed(2)}%"><span class="kept" style="width:${(dense > 0 ? (100 * chosen) / dense : 0).toFixed(2)}%"></span></span>`,
      sort: dense,
    },
  ]),
)}</section>`;
}

function timesOf({ structure, subnet, solve }: Subject, { ops }: Table): OpTimes[] {
  const units = structure?.dims.map((dim) => dim.units) ?? [];
  const kept = structure?.dims.map(
    (dim) => subnet?.dims.find((each) => each.dim === dim.name)?.kept ?? dim.units,
  );
  const droppedBlocks = new Set(solve?.droppedBlocks ?? []);
  const droppedLayers = new Set(solve?.droppedLayers ?? []);
  const gone = new Set(
    (structure?.layers ?? [])
      .filter(
        ({ name: layer, blocks }) =>
          droppedLayers.has(layer) ||
          blocks.some((block) => block !== null && droppedBlocks.has(block)),
      )
      .map(({ node }) => node),
  );
  for (const { name: block, add } of structure?.blocks ?? [])
    if (droppedBlocks.has(block)) gone.add(add);
  return ops
    .map((op): OpTimes => {
      const dense = cellAt(op, units, true);
      if (kept === undefined) return { op, dense, chosen: dense };
      const isGone =
        gone.has(op.id) || op.axes.some(({ parts }) => parts.some(({ dim }) => kept[dim] === 0));
      return { op, dense, chosen: isGone ? 0 : cellAt(op, kept, false) };
    })
    .sort((one, other) => other.dense - one.dense);
}

/** The cell at these units; the last cell of every axis for the dense network. Nearest covered count where it lies between. */
function cellAt(op: Op, units: readonly number[], isDense: boolean): number {
  let cell = 0;
  op.counts.forEach((covered, axis) => {
    const { fixed = 0, parts = [] } = op.axes[axis] ?? {};
    const channels = parts.reduce(
      (sum, { dim, perUnit }) => sum + perUnit * (units[dim] ?? 0),
      fixed,
    );
    const above = covered.findIndex((value) => value >= channels);
    const at = isDense || above < 0 ? covered.length - 1 : above;
    cell = cell * covered.length + at;
  });
  return op.ms[cell] ?? 0;
}
