/**
 * The layers of networks with published end-to-end latencies, written down from their definitions (ResNet: He et al. 2016
 * with the stride on the 3x3 convolution; VGG: Simonyan and Zisserman 2015; MobileNetV2: Sandler et al. 2018;
 * SqueezeNet 1.1: Iandola et al. 2016), float16, 224x224, batch 1. Nothing is downloaded.
 */
import type { Work } from "../../src/latency/predict/roofline.ts";
import { MOBILENET_V2_STAGES } from "../../src/networks/published/mobile.ts";

const BYTES = 2;

interface Conv {
  readonly from: number;
  readonly to: number;
  readonly kernel: number;
  readonly stride?: number;
  /** An addition is fused behind it, which reads the other operand. */
  readonly adds?: boolean;
  readonly depthwise?: boolean;
  readonly pad?: boolean;
}

/** Collects the kernels of a network as its image shrinks. */
class Kernels {
  readonly works: Work[] = [];
  side: number;

  constructor(side: number) {
    this.side = side;
  }

  conv(layer: Conv): void {
    this.works.push(this.#work(layer));
    this.side = this.#after(layer);
  }

  /** A convolution beside the main path: the image stays as it is. */
  aside(layer: Conv): void {
    this.works.push(this.#work(layer));
  }

  pool(channels: number, side: number): void {
    this.memory(channels * (this.side ** 2 + side ** 2));
    this.side = side;
  }

  memory(elements: number): void {
    this.works.push({ kind: "memory", bytes: BYTES * elements });
  }

  dense(from: number, to: number): void {
    this.works.push(contraction(1, from, to, 1, false, from + to + from * to));
  }

  #after({ kernel, stride = 1, pad = true }: Conv): number {
    return pad ? Math.ceil(this.side / stride) : Math.floor((this.side - kernel) / stride) + 1;
  }

  #work(layer: Conv): Work {
    const { from, to, kernel, stride = 1, adds = false, depthwise = false } = layer;
    const rows = this.#after(layer) ** 2;
    const read = from * this.side ** 2 * Math.min(1, kernel / stride) ** 2;
    const weights = kernel ** 2 * to * (depthwise ? 1 : from);
    const elements = read + rows * to * (adds ? 2 : 1) + weights;
    if (depthwise) {
      return { kind: "depthwise", flops: 2 * rows * to * kernel ** 2, bytes: BYTES * elements };
    }
    return contraction(rows, from, to, kernel ** 2, kernel === 3 && stride === 1, elements);
  }
}

function contraction(
  rows: number,
  channels: number,
  columns: number,
  taps: number,
  winograd: boolean,
  elements: number,
): Work {
  return {
    kind: "contraction",
    rows,
    columns,
    channels,
    taps,
    groups: 1,
    winograd,
    bytes: BYTES * elements,
  };
}

function resnet(blocks: readonly number[], bottleneck: boolean): readonly Work[] {
  const net = new Kernels(224);
  net.conv({ from: 3, to: 64, kernel: 7, stride: 2 });
  net.pool(64, 56);
  let from = 64;
  for (const [stage, count] of blocks.entries()) {
    const width = 64 * 2 ** stage;
    const to = bottleneck ? 4 * width : width;
    for (let block = 0; block < count; block += 1) {
      residual(net, from, width, to, stage > 0 && block === 0 ? 2 : 1);
      from = to;
    }
  }
  net.pool(from, 1);
  net.dense(from, 1000);
  return net.works;
}

function residual(net: Kernels, from: number, width: number, to: number, stride: number): void {
  if (stride !== 1 || from !== to) net.aside({ from, to, kernel: 1, stride });
  if (to === width) {
    net.conv({ from, to: width, kernel: 3, stride });
    net.conv({ from: width, to, kernel: 3, adds: true });
  } else {
    net.conv({ from, to: width, kernel: 1 });
    net.conv({ from: width, to: width, kernel: 3, stride });
    net.conv({ from: width, to, kernel: 1, adds: true });
  }
}

function vgg(stages: readonly (readonly number[])[]): readonly Work[] {
  const net = new Kernels(224);
  let from = 3;
  for (const stage of stages) {
    for (const to of stage) {
      net.conv({ from, to, kernel: 3 });
      from = to;
    }
    net.pool(from, net.side / 2);
  }
  net.dense(512 * 49, 4096);
  net.dense(4096, 4096);
  net.dense(4096, 1000);
  return net.works;
}

function mobilenetV2(): readonly Work[] {
  const net = new Kernels(224);
  net.conv({ from: 3, to: 32, kernel: 3, stride: 2 });
  let from = 32;
  for (const [expansion, to, count, firstStride] of MOBILENET_V2_STAGES) {
    for (let block = 0; block < count; block += 1) {
      const hidden = from * expansion;
      const stride = block === 0 ? firstStride : 1;
      if (expansion > 1) net.conv({ from, to: hidden, kernel: 1 });
      net.conv({ from: hidden, to: hidden, kernel: 3, stride, depthwise: true });
      net.conv({ from: hidden, to, kernel: 1, adds: stride === 1 && from === to });
      from = to;
    }
  }
  net.conv({ from, to: 1280, kernel: 1 });
  net.pool(1280, 1);
  net.dense(1280, 1000);
  return net.works;
}

function squeezenet11(): readonly Work[] {
  const net = new Kernels(224);
  net.conv({ from: 3, to: 64, kernel: 3, stride: 2, pad: false });
  let from = 64;
  const fires = [
    [16, 64, 2],
    [32, 128, 2],
    [48, 192, 2],
    [64, 256, 2],
  ] as const;
  for (const [stage, [squeeze, expand, count]] of fires.entries()) {
    if (stage < 3) net.pool(from, Math.ceil((net.side - 3) / 2) + 1);
    for (let fire = 0; fire < count; fire += 1) {
      net.conv({ from, to: squeeze, kernel: 1 });
      // The two halves are written side by side, without a copy.
      net.conv({ from: squeeze, to: expand, kernel: 1 });
      net.conv({ from: squeeze, to: expand, kernel: 3 });
      from = 2 * expand;
    }
  }
  net.conv({ from, to: 1000, kernel: 1 });
  net.pool(1000, 1);
  return net.works;
}

/** Kernels by network name. */
export const NETWORKS: Readonly<Record<string, readonly Work[]>> = {
  "ResNet-18": resnet([2, 2, 2, 2], false),
  "ResNet-34": resnet([3, 4, 6, 3], false),
  "ResNet-50": resnet([3, 4, 6, 3], true),
  "ResNet-101": resnet([3, 4, 23, 3], true),
  "ResNet-152": resnet([3, 8, 36, 3], true),
  "VGG-11": vgg([[64], [128], [256, 256], [512, 512], [512, 512]]),
  "VGG-16": vgg([
    [64, 64],
    [128, 128],
    [256, 256, 256],
    [512, 512, 512],
    [512, 512, 512],
  ]),
  MobileNetV2: mobilenetV2(),
  "SqueezeNet 1.1": squeezenet11(),
};
