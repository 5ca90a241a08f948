import type { OpCell } from "./cell.ts";
import { type CellWork, type Law, lawMs, TILES, workOfCell } from "./law.ts";
import type { Columns } from "./tree.ts";

/** Remainders that kernels pad to: of channels, and of output positions along a side. */
const CHANNEL_MULTIPLES = [8, 16, 32, 64] as const;
const COLUMN_MULTIPLES = [32, 64, 128] as const;
const SIDE_MULTIPLES = [2, 4, 8] as const;

/** What the correction of the law may depend on, one column per feature; sizes as logarithms. */
export function featureColumns(cells: readonly OpCell[], law: Law, elementBytes: number): Columns {
  const rows = cells.map((cell) => featuresOf(cell, workOfCell(cell, elementBytes), law));
  return (rows[0] ?? []).map((_, index) => Float64Array.from(rows, (row) => row[index] ?? 0));
}

function featuresOf(cell: OpCell, work: CellWork, law: Law): number[] {
  const { batch, inChannels, outChannels, height, width, kernel, stride, fused } = cell;
  const { rows, columns, depth, flops, inputBytes, outputBytes, weightBytes } = work;
  const bytes = inputBytes + outputBytes + weightBytes;
  const side = Math.ceil(width / stride);
  return [
    kernel,
    stride,
    fused ? 1 : 0,
    ...[batch, inChannels, outChannels, height, width, rows, depth].map(Math.log),
    ...[flops, bytes, inputBytes, outputBytes, weightBytes].map(Math.log),
    Math.log(flops / bytes),
    Math.log(inChannels / outChannels),
    Math.log(lawMs(law, work)),
    ...SIDE_MULTIPLES.map((multiple) => side % multiple),
    ...CHANNEL_MULTIPLES.map((multiple) => inChannels % multiple),
    ...COLUMN_MULTIPLES.map((multiple) => outChannels % multiple),
    ...TILES.flatMap(([high, wide]) => waves(rows, columns, high, wide, law.multiprocessors)),
  ];
}

/** How many tiles there are, and how full the last wave of them is. */
function waves(
  rows: number,
  columns: number,
  high: number,
  wide: number,
  multiprocessors: number,
): number[] {
  const tiles = Math.ceil(rows / high) * Math.ceil(columns / wide);
  const perMultiprocessor = tiles / multiprocessors;
  return [Math.log(tiles), perMultiprocessor / Math.ceil(perMultiprocessor)];
}
