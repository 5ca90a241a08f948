import type { Graph } from "../graph/graph.ts";
import { convolution, convolutionUnit, dense, relu, residualBlock } from "./layers.ts";
import { networkWriter } from "./writer.ts";

/**
 * A network that inspects 48 x 48 grey pictures of plates: a backbone of three residual blocks, a head that names the defect and one
 * that says where it is. Input `image` [batch, 1, 48, 48]; outputs `defect` [batch, 4] and `place` [batch, 36], scores before softmax; the
 * places are the cells of a 6 x 6 grid, row by row.
 */
export function inspectorNetwork(seed: number): Graph {
  const w = networkWriter("inspector", seed);
  const image = w.input("image", ["batch", 1, 48, 48]);
  const stem = convolutionUnit(w, "backbone.stem", image, { from: 1, to: 8 });
  const first = residualBlock(w, "backbone.1", stem, { from: 8, to: 16, stride: 2 });
  const second = residualBlock(w, "backbone.2", first, { from: 16, to: 32, stride: 2 });
  const third = residualBlock(w, "backbone.3", second, { from: 32, to: 48, stride: 2 });

  const seen = convolutionUnit(w, "defect.conv", third, { from: 48, to: 48, kernel: 1 });
  const strongest = w.node("defect.pool", "GlobalMaxPool", [seen]);
  const flat = w.node("defect.flat", "Flatten", [strongest], { axis: 1 });
  const inner = relu(w, "defect.relu", dense(w, "defect.1", flat, [48, 32]));
  w.output("defect", dense(w, "defect.2", inner, [32, 4], 1), ["batch", 4]);

  const around = convolutionUnit(w, "place.conv", third, { from: 48, to: 24 });
  const cells = convolution(w, "place.cells", around, { from: 24, to: 1, kernel: 1, bias: 0 });
  w.output("place", w.node("place.flat", "Flatten", [cells], { axis: 1 }), ["batch", 36]);
  return w.graph();
}
