import { macCount, parameterCount } from "../../src/structure/counts.ts";
import type { Structure } from "../../src/structure/structure.ts";

/** Dims, blocks and droppable layers as lines of text, for golden files. */
export function dimListing(structure: Structure): string {
  const { dims, blocks, layers } = structure;
  const prunable = dims.filter((dim) => dim.pinned === null).length;
  const lines = [
    `parameters ${parameterCount(structure)}, MACs ${macCount(structure)}`,
    `${prunable} prunable dims of ${dims.length}`,
    ...dims.map((dim) =>
      [
        `  ${dim.name}: ${dim.size} units`,
        ...(dim.unitChannels > 1 ? [`of ${dim.unitChannels} channels`] : []),
        ...(dim.producers.length > 1 ? [`from ${dim.producers.length} layers`] : []),
        ...(dim.block === null ? [] : [`inside ${blocks[dim.block]?.name}`]),
        ...(dim.pinned === null ? [] : [`pinned: ${dim.pinned}`]),
      ].join(", "),
    ),
    `${blocks.length} blocks`,
    ...blocks.map((block) => {
      const parent = block.parent === null ? "" : ` inside ${blocks[block.parent]?.name}`;
      return `  ${block.name}: ${block.layers.length} layers${parent}`;
    }),
    `${layers.filter((layer) => layer.drop !== null).length} droppable layers of ${layers.length}`,
    ...layers.flatMap(({ drop, name }) => {
      if (drop === null) return [];
      if (drop.kind === "same-dim") return [`  ${name}`];
      return [`  ${name}: ${dims[drop.tied]?.name} follows ${dims[drop.outlives]?.name}`];
    }),
  ];
  return `${lines.join("\n")}\n`;
}
