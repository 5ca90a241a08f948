/** What libraries run for a layer on a Jetson TX1: facts about Caffe, its GPU code with and without cuDNN, and TensorRT. */
import type { DeviceHardware, DeviceModel, Precision } from "../../src/latency/predict/device.ts";
import type { Work } from "../../src/latency/predict/roofline.ts";
import { STARTING_MODEL } from "./hardware.ts";
import type { Tx1Layer } from "./tx1-networks.ts";

/** What stands between a layer and the hardware. */
export interface Tx1Library {
  readonly name: string;
  readonly precision: Precision;
  readonly on: "gpu" | "cpu";
  /**
   * `image`: images are unfolded one by one and multiplied (Caffe's own); `batch`: one kernel per group, the bias added by
   * another; `fused`: one kernel, the bias and with `activations` what follows in it.
   */
  readonly convolution: "image" | "batch" | "fused";
  readonly activations: boolean;
  /** Whether a Concat costs nothing, because its inputs are written to their place. */
  readonly freeConcat: boolean;
}

const CAFFE = { on: "gpu", activations: false, freeConcat: false } as const;

export const TX1_LIBRARIES: readonly Tx1Library[] = [
  { ...CAFFE, name: "cpu", precision: "float32", on: "cpu", convolution: "image" },
  { ...CAFFE, name: "libdnn-cuda", precision: "float32", convolution: "fused" },
  { ...CAFFE, name: "nvidia-cuda", precision: "float32", convolution: "image" },
  { ...CAFFE, name: "nvidia-cudnn", precision: "float32", convolution: "batch" },
  { ...CAFFE, name: "nvidia-fp16-cuda", precision: "float16", convolution: "image" },
  { ...CAFFE, name: "nvidia-fp16-cudnn", precision: "float16", convolution: "batch" },
  ...(["float32", "float16"] as const).map(
    (precision): Tx1Library => ({
      name: `tensorrt-1.0.0 ${precision}`,
      precision,
      on: "gpu",
      convolution: "fused",
      activations: true,
      freeConcat: true,
    }),
  ),
];

/** NVIDIA Jetson TX1 Data Sheet: 256 CUDA cores (Maxwell), 998 MHz, 1 TFLOP/s float16, 25.6 GB/s. */
export const TX1_GPU: DeviceHardware = {
  architecture: "Maxwell (GM20B), compute capability 5.3",
  multiprocessors: 2,
  cudaCores: 256,
  tensorCores: 0,
  clockMhz: 998,
  contractionTflops: { float16: 1.02, float32: 0.511 },
  vectorTflops: { float16: 1.02, float32: 0.511 },
  memoryGBPerSecond: 25.6,
  l2KB: 256,
};

/** Its four Cortex-A57 at 1.73 GHz: a vector of four multiply-accumulates per cycle each. */
export const TX1_CPU: DeviceHardware = {
  ...TX1_GPU,
  architecture: "ARM Cortex-A57",
  multiprocessors: 4,
  cudaCores: 4,
  clockMhz: 1734,
  contractionTflops: { float16: 0.0555, float32: 0.0555 },
  // Activations and pools run on one core, a number at a time.
  vectorTflops: { float16: 0.0017, float32: 0.0017 },
  l2KB: 2048,
};

/**
 * Kernels of that time move data and compute by turns. AlexNet can't tell: this was chosen with SqueezeNet's totals in view,
 * which are 8.7 % off on average with an exponent of 2.
 */
const OVERLAP = 1;

/** What is believed before AlexNet is seen. */
export function startingModel({ on }: Tx1Library): DeviceModel {
  if (on === "gpu") return { ...STARTING_MODEL, channelMultiple: 1, overlap: OVERLAP };
  return {
    ...STARTING_MODEL,
    launchUs: 5,
    stepCycles: 0,
    overlap: OVERLAP,
    // Registers hold tiles of a matrix of this size.
    tiles: [[8, 8]],
    halfSide: 4,
    channelMultiple: 1,
    bandwidthEfficiency: 0.3,
  };
}

/** The kernels that a library runs for a layer of a batch; none where it costs nothing. */
export function worksOf(layer: Tx1Layer, library: Tx1Library, batch: number): readonly Work[] {
  const works = kernelsOf(layer, library, batch);
  if (library.on === "gpu" || layer.kind === "concat" || layer.kind === "convolution") return works;
  const taps = layer.kind === "pool" ? layer.kernel ** 2 : 1;
  const flops = batch * layer.to * layer.side ** 2 * taps;
  return works.map((work) =>
    work.kind === "memory" ? { ...work, kind: "depthwise", flops } : work,
  );
}

function kernelsOf(layer: Tx1Layer, library: Tx1Library, batch: number): readonly Work[] {
  const size = library.precision === "float16" ? 2 : 4;
  const { kind, from, to, sideIn, side } = layer;
  const [read, written] = [batch * from * sideIn ** 2 * size, batch * to * side ** 2 * size];
  switch (kind) {
    case "convolution":
      return convolutionWorks(layer, library, batch, size);
    case "dense":
      return [
        {
          ...contraction(batch, to, from, 1, read + written + from * to * size),
          family: "dense",
        },
      ];
    case "activation":
      return library.activations && side > 1
        ? []
        : [{ kind: "memory", bytes: read + written, family: "stream" }];
    case "pool":
      return [{ kind: "memory", bytes: read + written, family: "window" }];
    case "concat":
      return library.freeConcat
        ? []
        : [{ kind: "memory", bytes: read + written, family: "stream" }];
    case "copy":
      return library.activations ? [] : [{ kind: "memory", bytes: read + written, family: "copy" }];
    case "other":
      return [{ kind: "memory", bytes: read + written, family: "softmax" }];
    default:
      return kind satisfies never;
  }
}

function convolutionWorks(
  { from, to, kernel, groups, sideIn, side }: Tx1Layer,
  { convolution }: Tx1Library,
  batch: number,
  size: number,
): readonly Work[] {
  const [rows, taps] = [side ** 2, kernel ** 2];
  const family = `conv${kernel}`;
  const weights = (taps * from * to * size) / groups;
  const [read, written] = [from * sideIn ** 2 * size, to * rows * size];
  const times = (count: number, work: Work): readonly Work[] =>
    Array.from({ length: count }, () => work);
  const bias = (images: number): Work => ({
    kind: "memory",
    bytes: 2 * images * written,
    family: "stream",
  });
  if (convolution !== "image") {
    const bytes = (batch * (read + written) + weights) / groups;
    const kernels = times(groups, {
      ...contraction(batch * rows, to / groups, from / groups, taps, bytes),
      family,
    });
    return convolution === "batch" ? [...kernels, bias(batch)] : kernels;
  }
  const unfolded = from * taps * rows * size;
  const image: readonly Work[] = [
    ...(kernel === 1
      ? []
      : [{ kind: "memory", bytes: read + unfolded, family: "unfold" } as const]),
    ...times(groups, {
      ...contraction(
        rows,
        to / groups,
        from / groups,
        taps,
        (unfolded + written + weights) / groups,
      ),
      family,
    }),
    bias(1),
  ];
  return Array.from({ length: batch }, () => image).flat();
}

function contraction(
  rows: number,
  columns: number,
  channels: number,
  taps: number,
  bytes: number,
): Work & { readonly kind: "contraction" } {
  return { kind: "contraction", rows, columns, channels, taps, groups: 1, winograd: false, bytes };
}
