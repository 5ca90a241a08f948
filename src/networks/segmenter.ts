import type { Graph } from "../graph/graph.ts";
import { convolution, convolutionUnit } from "./layers.ts";
import { type NetworkWriter, networkWriter } from "./writer.ts";

/**
 * A segmenter with skips (U-Net: Ronneberger et al., 1505.04597): four steps down, three up by repeated pixels, each joined to the step of
 * its size; the last step is interpolation. Input `image` [batch, 3, 64, 64]; output `classes` [batch, 6, 64, 64], scores before softmax;
 * class 0 is the ground.
 */
export function segmenterNetwork(seed: number): Graph {
  const w = networkWriter("segmenter", seed);
  const image = w.input("image", ["batch", 3, 64, 64]);
  const down1 = convolutionUnit(w, "encoder.1", image, { from: 3, to: 20, stride: 2 });
  const down2 = twice(w, "encoder.2", down1, [20, 32], 2);
  const down3 = twice(w, "encoder.3", down2, [32, 48], 2);
  const down4 = twice(w, "encoder.4", down3, [48, 64], 2);
  const up3 = joined(w, "decoder.3", down4, down3, [64 + 48, 48]);
  const up2 = joined(w, "decoder.2", up3, down2, [48 + 32, 32]);
  const up1 = joined(w, "decoder.1", up2, down1, [32 + 20, 20]);
  const scores = convolution(w, "classes", up1, { from: 20, to: 6, kernel: 1, bias: 0 });
  const whole = enlarged(w, "classes", scores, "linear");
  w.output("classes", whole, ["batch", 6, 64, 64]);
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
  const large = enlarged(w, path, small, "nearest");
  const both = w.node(`${path}.join`, "Concat", [large, beside], { axis: 1 });
  return convolutionUnit(w, path, both, { from, to });
}

function enlarged(w: NetworkWriter, path: string, x: string, mode: "nearest" | "linear"): string {
  const scales = w.floats("up.scales", [1, 1, 2, 2]);
  return w.node(`${path}.up`, "Resize", [x, "", scales], {
    mode,
    coordinate_transformation_mode: mode === "nearest" ? "asymmetric" : "half_pixel",
    ...(mode === "nearest" ? { nearest_mode: "floor" } : {}),
  });
}
