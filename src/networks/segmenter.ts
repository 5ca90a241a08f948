import type { Graph } from "../graph/graph.ts";
import { convolution, convolutionUnit } from "./layers.ts";
import { type NetworkWriter, networkWriter } from "./writer.ts";

/**
 * A segmenter with skips (U-Net: Ronneberger et al., 1505.04597): four steps down, three up by repeated pixels, each joined to the step of
 * its size. Input `image` [batch, 3, 64, 64]; output `classes` [batch, 6, 64, 64], scores before softmax; class 0 is the ground.
 */
export function segmenterNetwork(seed: number): Graph {
  const w = networkWriter("segmenter", seed);
  const image = w.input("image", ["batch", 3, 64, 64]);
  const down1 = convolutionUnit(w, "encoder.1", image, { from: 3, to: 12 });
  const down2 = twice(w, "encoder.2", down1, [12, 24], 2);
  const down3 = twice(w, "encoder.3", down2, [24, 40], 2);
  const down4 = twice(w, "encoder.4", down3, [40, 64], 2);
  const up3 = joined(w, "decoder.3", down4, down3, [64 + 40, 40]);
  const up2 = joined(w, "decoder.2", up3, down2, [40 + 24, 24]);
  const up1 = joined(w, "decoder.1", up2, down1, [24 + 12, 12]);
  const scores = convolution(w, "classes", up1, { from: 12, to: 6, kernel: 1, bias: true });
  w.output("classes", scores, ["batch", 6, 64, 64]);
  return w.graph();
}

function twice(
  w: NetworkWriter,
  path: string,
  x: string,
  [from, to]: readonly [number, number],
  stride: number,
): string {
  const first = convolutionUnit(w, `${path}.a`, x, { from, to, stride });
  return convolutionUnit(w, `${path}.b`, first, { from: to, to });
}

/** The smaller picture enlarged twice, beside the one of its size. */
function joined(
  w: NetworkWriter,
  path: string,
  small: string,
  beside: string,
  [from, to]: readonly [number, number],
): string {
  const large = twiceAsLarge(w, path, small);
  const both = w.node(`${path}.join`, "Concat", [large, beside], { axis: 1 });
  return convolutionUnit(w, path, both, { from, to });
}

function twiceAsLarge(w: NetworkWriter, path: string, x: string): string {
  const scales = w.floats("up.scales", [1, 1, 2, 2]);
  return w.node(`${path}.up`, "Resize", [x, "", scales], {
    mode: "nearest",
    coordinate_transformation_mode: "asymmetric",
    nearest_mode: "floor",
  });
}
