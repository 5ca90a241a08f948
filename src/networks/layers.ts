/** The layers that the drawn networks are made of, in the form in which exporters write them. */
import type { NetworkWriter } from "./writer.ts";

export interface ConvolutionShape {
  readonly from: number;
  readonly to: number;
  /** Side of the kernel; 3 unless given. */
  readonly kernel?: number;
  readonly stride?: number;
  /** Half the kernel unless given. */
  readonly padding?: number;
  /** What the bias begins at; none unless given. */
  readonly bias?: number;
}

/** A convolution that keeps the picture's size, or divides it by the stride. */
export function convolution(
  w: NetworkWriter,
  path: string,
  x: string,
  shape: ConvolutionShape,
): string {
  const { from, to, kernel = 3, stride = 1, bias, padding = (kernel - 1) >> 1 } = shape;
  const weight = w.weights(
    `${path}.weight`,
    [to, from, kernel, kernel],
    heBound(from * kernel * kernel),
  );
  return w.node(path, "Conv", [x, weight, ...biasOf(w, path, to, bias)], {
    kernel_shape: [kernel, kernel],
    pads: [padding, padding, padding, padding],
    strides: [stride, stride],
  });
}

export interface UpShape {
  readonly from: number;
  readonly to: number;
  readonly kernel: number;
  readonly stride: number;
  readonly padding: number;
  /** What the bias begins at; none unless given. */
  readonly bias?: number;
}

/** A transposed convolution: the picture's side becomes (side - 1) * stride + kernel - 2 * padding. */
export function transposedConvolution(
  w: NetworkWriter,
  path: string,
  x: string,
  shape: UpShape,
): string {
  const { from, to, kernel, stride, padding, bias } = shape;
  // Each output element sees about (kernel / stride)^2 elements per channel.
  const seen = Math.max(1, (kernel * kernel) / (stride * stride));
  const weight = w.weights(`${path}.weight`, [from, to, kernel, kernel], heBound(from * seen));
  return w.node(path, "ConvTranspose", [x, weight, ...biasOf(w, path, to, bias)], {
    kernel_shape: [kernel, kernel],
    pads: [padding, padding, padding, padding],
    strides: [stride, stride],
  });
}

function biasOf(w: NetworkWriter, path: string, count: number, start?: number): readonly string[] {
  return start === undefined ? [] : [w.constant(`${path}.bias`, [count], start)];
}

/** BatchNormalization of a picture's channels. */
export function batchNorm(
  w: NetworkWriter,
  path: string,
  x: string,
  channels: number,
  scale = 1,
): string {
  return w.node(path, "BatchNormalization", [
    x,
    w.constant(`${path}.weight`, [channels], scale),
    w.constant(`${path}.bias`, [channels], 0),
    w.constant(`${path}.running_mean`, [channels], 0),
    w.constant(`${path}.running_var`, [channels], 1),
  ]);
}

export function relu(w: NetworkWriter, path: string, x: string): string {
  return w.node(path, "Relu", [x]);
}

/** Convolution, norm and ReLU. */
export function convolutionUnit(
  w: NetworkWriter,
  path: string,
  x: string,
  shape: ConvolutionShape,
): string {
  const made = convolution(w, `${path}.conv`, x, shape);
  return relu(w, `${path}.relu`, batchNorm(w, `${path}.bn`, made, shape.to));
}

/** Two convolutions beside a shortcut, which is a convolution where width or size change (He et al., 1512.03385). */
export function residualBlock(
  w: NetworkWriter,
  path: string,
  x: string,
  shape: ConvolutionShape,
): string {
  const { from, to, stride = 1 } = shape;
  const inner = convolutionUnit(w, `${path}.0`, x, { from, to, stride });
  const second = convolution(w, `${path}.1.conv`, inner, { from: to, to });
  const branch = batchNorm(w, `${path}.1.bn`, second, to, 0.2);
  const changes = from !== to || stride !== 1;
  const shortcut = changes
    ? batchNorm(
        w,
        `${path}.shortcut.bn`,
        convolution(w, `${path}.shortcut.conv`, x, { from, to, kernel: 1, stride }),
        to,
      )
    : x;
  return relu(w, `${path}.relu`, w.node(`${path}.add`, "Add", [branch, shortcut]));
}

/** A matrix product over the last axis, with a bias where asked. */
export function linear(
  w: NetworkWriter,
  path: string,
  x: string,
  [from, to]: readonly [number, number],
  { gain = 1, bias = true }: { readonly gain?: number; readonly bias?: boolean } = {},
): string {
  const weight = w.weights(`${path}.weight`, [from, to], gain * Math.sqrt(3 / from));
  const product = w.node(path, "MatMul", [x, weight]);
  if (!bias) return product;
  return w.node(path, "Add", [product, w.constant(`${path}.bias`, [to], 0)]);
}

/** A fully connected layer of a matrix of samples, as exporters write it: Gemm with the weight as outputs x inputs. */
export function dense(
  w: NetworkWriter,
  path: string,
  x: string,
  [from, to]: readonly [number, number],
  gain = Math.SQRT2,
): string {
  const weight = w.weights(`${path}.weight`, [to, from], gain * Math.sqrt(3 / from));
  return w.node(path, "Gemm", [x, weight, w.constant(`${path}.bias`, [to], 0)], { transB: 1 });
}

export function layerNorm(w: NetworkWriter, path: string, x: string, width: number): string {
  const scale = w.constant(`${path}.weight`, [width], 1);
  const bias = w.constant(`${path}.bias`, [width], 0);
  return w.node(path, "LayerNormalization", [x, scale, bias], { axis: -1, epsilon: 1e-5 });
}

/** Variance 2 / fan-in of a uniform number (He et al., 1502.01852). */
function heBound(fanIn: number): number {
  return Math.sqrt(6 / fanIn);
}
