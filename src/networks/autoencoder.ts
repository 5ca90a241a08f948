import type { Graph } from "../graph/graph.ts";
import {
  batchNorm,
  convolution,
  convolutionUnit,
  relu,
  transposedConvolution,
  type UpShape,
} from "./layers.ts";
import { type NetworkWriter, networkWriter } from "./writer.ts";

/**
 * An autoencoder of 28 x 28 grey pictures: three convolutions of stride 2, a code of 64 numbers [batch, 64, 1, 1], and four transposed
 * convolutions back. Input `image` and output `reconstruction` are [batch, 1, 28, 28], values 0 to 1.
 */
export function autoencoderNetwork(seed: number): Graph {
  const w = networkWriter("autoencoder", seed);
  const image = w.input("image", ["batch", 1, 28, 28]);
  const first = convolutionUnit(w, "encoder.1", image, { from: 1, to: 16, stride: 2 });
  const second = convolutionUnit(w, "encoder.2", first, { from: 16, to: 32, stride: 2 });
  const third = convolutionUnit(w, "encoder.3", second, { from: 32, to: 64, stride: 2 });
  const code = convolution(w, "encoder.code", third, {
    ...{ from: 64, to: 64, kernel: 4, padding: 0, bias: 0 },
  });
  const small = up(w, "decoder.1", code, { from: 64, to: 64, kernel: 4, stride: 1, padding: 0 });
  const middle = up(w, "decoder.2", small, { from: 64, to: 48, kernel: 3, stride: 2, padding: 1 });
  const large = up(w, "decoder.3", middle, { from: 48, to: 24, kernel: 4, stride: 2, padding: 1 });
  const picture = transposedConvolution(w, "decoder.4", large, {
    ...{ from: 24, to: 1, kernel: 4, stride: 2, padding: 1, bias: 0 },
  });
  const bounded = w.node("decoder.sigmoid", "Sigmoid", [picture]);
  w.output("reconstruction", bounded, ["batch", 1, 28, 28]);
  return w.graph();
}

function up(w: NetworkWriter, path: string, x: string, shape: UpShape): string {
  const made = transposedConvolution(w, `${path}.conv`, x, shape);
  return relu(w, `${path}.relu`, batchNorm(w, `${path}.bn`, made, shape.to));
}
