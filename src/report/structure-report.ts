import type Table from "cli-table3";
import { denseUnits, evaluateCount, macCount, parameterCount } from "../structure/counts.ts";
import type { AxisCount, Dim, Structure } from "../structure/structure.ts";
import { count, plainTable } from "./solve-report.ts";

/** A network in four lines: what there is, and what of it can go. */
export function structureSummary(structure: Structure): string {
  const { dims, layers, blocks, graph, shapes } = structure;
  const prunable = dims.filter((dim) => dim.pinned === null);
  const units = prunable.reduce((sum, dim) => sum + dim.size, 0);
  const droppable = layers.filter((layer) => layer.drop !== null).length;
  const inputs = graph.inputs.map(
    (input) => `${input.name} [${shapes.of(input.name)?.join(", ")}]`,
  );
  return [
    `Input       ${inputs.join(", ")}`,
    `Size        ${count(parameterCount(structure))} parameters, ${count(macCount(structure))} MACs at batch 1`,
    `Dims        ${prunable.length} prunable with ${units} units, ${dims.length - prunable.length} pinned`,
    ...unreadLine(prunable.filter((dim) => dim.isUnread)),
    `Layers      ${layers.length}, of which ${droppable} can be dropped`,
    `Blocks      ${blocks.length} can be dropped`,
    ...structure.notes.map((note) => `Note        ${note}`),
    ...structure.unknown.map(({ text }) => `Unknown     ${text}`),
  ].join("\n");
}

function unreadLine(dims: readonly Dim[]): string[] {
  if (dims.length === 0) return [];
  const units = dims.reduce((sum, dim) => sum + dim.size, 0);
  const names = dims.map(({ name }) => `'${name}'`).join(", ");
  return [
    `Unread      ${units} units that nothing reads: ${names}; they go first, whatever their score`,
  ];
}

/** One line per dim: its units, the block it lives in, and why it can't be pruned where it can't. */
export function dimTable(structure: Structure): string {
  const table = plainTable(
    ["dim", "units", "width", "layers", "block", "pinned"],
    ["left", "right", "right", "right", "left", "left"],
  );
  for (const dim of structure.dims) {
    table.push([
      dim.name,
      dim.size,
      dim.unitChannels,
      dim.producers.length,
      blockName(structure, dim.block),
      dim.pinned ?? (dim.isUnread ? "no; nothing reads its units, they go first" : ""),
    ]);
  }
  return table.toString();
}

/** One line per layer: its channels by dim, its size, and how it may be dropped. */
export function layerTable(structure: Structure): string {
  const table = plainTable(
    ["layer", "op", "in", "out", "parameters", "MACs", "block", "drop"],
    ["left", "left", "left", "left", "right", "right", "left", "left"],
  );
  for (const layer of structure.layers) {
    table.push([
      layer.name,
      layer.groups > 1 ? `${layer.opType}/${layer.groups}` : layer.opType,
      channels(structure, layer.input),
      channels(structure, layer.output),
      layer.parameters,
      Math.round(layer.macs),
      blockName(structure, layer.blocks.at(-1) ?? null),
      dropText(structure, layer.drop),
    ]);
  }
  return table.toString();
}

/** One line per block: its layers, what of the network's size is in it, and the block around it. */
export function blockTable(structure: Structure): string {
  const table: Table.Table = plainTable(
    ["block", "layers", "parameters", "MACs", "inside"],
    ["left", "right", "right", "right", "left"],
  );
  const parameters = parameterCount(structure);
  const macs = macCount(structure);
  for (const block of structure.blocks) {
    const dropped = { droppedBlocks: [block.index] };
    table.push([
      block.name,
      block.layers.length,
      parameters - parameterCount(structure, dropped),
      Math.round(macs - macCount(structure, dropped)),
      blockName(structure, block.parent),
    ]);
  }
  return table.toString();
}

function blockName(structure: Structure, block: number | null): string {
  return block === null ? "" : (structure.blocks[block]?.name ?? "");
}

/** `64` for one dim, `64 + 32` where several share the axis, as dense counts. */
function channels(structure: Structure, form: AxisCount): string {
  const units = denseUnits(structure);
  const parts = form.parts.map((part) => evaluateCount({ fixed: 0, parts: [part] }, units));
  return [...(form.fixed > 0 ? [form.fixed] : []), ...parts].join(" + ");
}

function dropText(structure: Structure, drop: Structure["layers"][number]["drop"]): string {
  if (drop === null) return "";
  if (drop.kind === "same-dim") return "yes";
  const { dims } = structure;
  return `${dims[drop.tied]?.name} follows ${dims[drop.outlives]?.name}`;
}
