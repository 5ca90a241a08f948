/** Convolutions of benchmark graphs: kernels of two sides, dilation, norm and ReLU after them. Weights are small random numbers. */
import { batchNorm, relu } from "../../src/networks/layers.ts";
import type { NetworkWriter } from "../../src/networks/writer.ts";

/** A value and how many channels it has. */
export interface Channels {
  readonly value: string;
  readonly count: number;
}

export interface UnitShape {
  readonly to: number;
  /** Height and width; both sides equal where one number is given. */
  readonly kernel: number | readonly [number, number];
  readonly stride?: number;
  readonly dilation?: number;
  /** Half the kernel (times the dilation) unless given. */
  readonly padding?: number;
}

/** Convolution and norm, then a ReLU unless it is left out. */
export function unit(
  w: NetworkWriter,
  path: string,
  { value, count }: Channels,
  { to, kernel, stride = 1, dilation = 1, padding }: UnitShape,
  withRelu = true,
): Channels {
  const [height, width] = typeof kernel === "number" ? [kernel, kernel] : kernel;
  const pads = [height, width].map((side) => padding ?? ((side - 1) >> 1) * dilation);
  const weight = w.weights(`${path}.weight`, [to, count, height, width], 0.05);
  const made = w.node(path, "Conv", [value, weight], {
    kernel_shape: [height, width],
    strides: [stride, stride],
    dilations: [dilation, dilation],
    pads: [...pads, ...pads],
  });
  const normed = batchNorm(w, `${path}.bn`, made, to);
  return { value: withRelu ? relu(w, `${path}.relu`, normed) : normed, count: to };
}

/** Joins along the channels. */
export function concat(w: NetworkWriter, path: string, parts: readonly Channels[]): Channels {
  const values = parts.map(({ value }) => value);
  return {
    value: w.node(path, "Concat", values, { axis: 1 }),
    count: parts.reduce((sum, { count }) => sum + count, 0),
  };
}

export function pool(
  w: NetworkWriter,
  path: string,
  { value, count }: Channels,
  opType: "MaxPool" | "AveragePool",
  [kernel, stride, padding]: readonly [number, number, number],
): Channels {
  const pads = [padding, padding, padding, padding];
  const attributes = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads };
  return { value: w.node(path, opType, [value], attributes), count };
}
