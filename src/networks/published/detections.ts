import type { Maker, Map2d, Published } from "./maker.ts";

/** What a detector says at one size: boxes and kinds in one picture, or the bins of box sides and kinds apart. */
export interface Level {
  readonly map: Map2d;
  readonly bins?: Map2d;
}

/** Bins per side of a box (Li et al., 2006.04388). */
const BINS = 16;

/**
 * The levels' cells in one list of rows. `rows` leaves the decoding to what follows; `bins` takes the mean over the bins.
 */
export function detections(m: Maker, levels: readonly Level[], kind: "rows" | "bins"): Published {
  const flat = (map: Map2d): string =>
    m.node("Reshape", [map.name, m.ints([1, map.channels, map.height * map.width])]);
  const kinds = m.node(
    "Concat",
    levels.map(({ map }) => flat(map)),
    { axis: 2 },
  );
  if (kind === "rows") return m.finish(m.node("Transpose", [kinds], { perm: [0, 2, 1] }));
  const cells = levels.reduce((sum, { map }) => sum + map.height * map.width, 0);
  const sides = m.node(
    "Concat",
    levels.flatMap(({ bins }) => (bins === undefined ? [] : [flat(bins)])),
    { axis: 2 },
  );
  const apart = m.node("Reshape", [sides, m.ints([1, 4, BINS, cells])]);
  const turned = m.node("Transpose", [apart], { perm: [0, 2, 1, 3] });
  const shares: Map2d = {
    name: m.node("Softmax", [turned], { axis: 1 }),
    ...{ channels: BINS, height: 4, width: cells },
  };
  const mean = m.node("Conv", [shares.name, m.weight([1, BINS, 1, 1])]);
  const boxes = m.node("Reshape", [mean, m.ints([1, 4, cells])]);
  const placed = m.node("Mul", [
    m.node("Add", [boxes, m.weight([1, 4, cells], false)]),
    m.weight([1, 1, cells], false),
  ]);
  return m.finish(m.node("Concat", [placed, m.node("Sigmoid", [kinds])], { axis: 1 }));
}
