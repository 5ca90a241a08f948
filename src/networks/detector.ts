import type { Graph } from "../graph/graph.ts";
import { convolution, convolutionUnit, residualBlock } from "./layers.ts";
import { type NetworkWriter, networkWriter } from "./writer.ts";

/**
 * A detector that marks the centres of objects (Zhou et al., 1904.07850) and says how far the four sides of the box are. Input `image`
 * [batch, 3, 64, 64]; outputs on a grid of 16 x 16 cells: `heatmap` [batch, 5, 16, 16], values before the sigmoid, and `sides`
 * [batch, 4, 16, 16], the distances to left, top, right and bottom in cells.
 */
export function detectorNetwork(seed: number): Graph {
  const w = networkWriter("detector", seed);
  const image = w.input("image", ["batch", 3, 64, 64]);
  const stem = convolutionUnit(w, "backbone.stem", image, { from: 3, to: 16, stride: 2 });
  const first = residualBlock(w, "backbone.1", stem, { from: 16, to: 32, stride: 2 });
  const second = residualBlock(w, "backbone.2", first, { from: 32, to: 56, stride: 2 });
  const third = residualBlock(w, "backbone.3", second, { from: 56, to: 56 });
  const coarse = convolutionUnit(w, "neck.coarse", third, { from: 56, to: 48, kernel: 1 });
  const large = w.node("neck.up", "Resize", [coarse, "", w.floats("neck.scales", [1, 1, 2, 2])], {
    mode: "nearest",
    coordinate_transformation_mode: "asymmetric",
    nearest_mode: "floor",
  });
  const fine = convolutionUnit(w, "neck.fine", first, { from: 32, to: 48, kernel: 1 });
  const both = w.node("neck.join", "Add", [large, fine]);
  const shared = convolutionUnit(w, "neck.out", both, { from: 48, to: 48 });
  w.output("heatmap", head(w, "heatmap", shared, [5, RARE]), ["batch", 5, 16, 16]);
  const distances = w.node("sides.positive", "Relu", [head(w, "sides", shared, [4, 2])]);
  w.output("sides", distances, ["batch", 4, 16, 16]);
  return w.graph();
}

/** Where the heatmap begins: a centre in one of ten cells, so that the many others don't drown the few at first. */
const RARE = -2.2;

function head(
  w: NetworkWriter,
  path: string,
  x: string,
  [to, bias]: readonly [number, number],
): string {
  const inner = convolutionUnit(w, `${path}.conv`, x, { from: 48, to: 32 });
  return convolution(w, `${path}.out`, inner, { from: 32, to, kernel: 1, bias });
}
