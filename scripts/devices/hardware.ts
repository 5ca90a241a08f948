/** Published hardware figures of the Jetsons, and the constants that every prediction starts from. */
import type { DeviceHardware, DeviceModel } from "../../src/latency/predict/device.ts";

export interface Board {
  readonly name: string;
  readonly title: string;
  readonly hardware: DeviceHardware;
  /** What of the hardware other power modes change; `hardware` is that of the mode that is named first in `title`s. */
  readonly powerModes: Readonly<Record<string, PowerMode>>;
  readonly sources: readonly string[];
}

interface PowerMode {
  readonly title: string;
  readonly hardware: Partial<DeviceHardware>;
}

/** The hardware at another clock, with the rates that go with it. */
function clocked(
  title: string,
  hardware: DeviceHardware,
  clockMhz: number,
  other: Partial<DeviceHardware> = {},
): PowerMode {
  const { multiprocessors = hardware.multiprocessors } = other;
  const part = multiprocessors / hardware.multiprocessors;
  const factor = (part * clockMhz) / hardware.clockMhz;
  const scaled = (rates: DeviceHardware["vectorTflops"]): DeviceHardware["vectorTflops"] => ({
    float16: rate(rates.float16 * factor),
    float32: rate(rates.float32 * factor),
    ...(rates.int8 === undefined ? {} : { int8: rate(rates.int8 * factor) }),
  });
  return {
    title,
    hardware: {
      clockMhz,
      contractionTflops: scaled(hardware.contractionTflops),
      vectorTflops: scaled(hardware.vectorTflops),
      ...(part === 1
        ? {}
        : {
            cudaCores: Math.round(hardware.cudaCores * part),
            tensorCores: Math.round(hardware.tensorCores * part),
          }),
      ...other,
    },
  };
}

function rate(value: number): number {
  return Number(value.toPrecision(4));
}

const NANO_HARDWARE: DeviceHardware = {
  architecture: "Maxwell (GM20B), compute capability 5.3",
  multiprocessors: 1,
  cudaCores: 128,
  tensorCores: 0,
  clockMhz: 921.6,
  contractionTflops: { float16: 0.472, float32: 0.236 },
  vectorTflops: { float16: 0.472, float32: 0.236 },
  memoryGBPerSecond: 25.6,
  l2KB: 256,
};

export const NANO: Board = {
  name: "jetson-nano",
  title: "NVIDIA Jetson Nano",
  hardware: NANO_HARDWARE,
  powerModes: {
    "10w": { title: "10 W (MAXN): GPU 921.6 MHz", hardware: {} },
    "5w": clocked("5 W: GPU 640 MHz", NANO_HARDWARE, 640),
  },
  sources: [
    "NVIDIA Jetson Nano System-on-Module Data Sheet: 128 CUDA cores, 921.6 MHz, 472 GFLOP/s float16, 25.6 GB/s",
  ],
};

const TX2_HARDWARE: DeviceHardware = {
  architecture: "Pascal (GP10B), compute capability 6.2",
  multiprocessors: 2,
  cudaCores: 256,
  tensorCores: 0,
  clockMhz: 1300,
  contractionTflops: { float16: 1.33, float32: 0.666 },
  vectorTflops: { float16: 1.33, float32: 0.666 },
  memoryGBPerSecond: 59.7,
  l2KB: 512,
};

export const TX2: Board = {
  name: "jetson-tx2",
  title: "NVIDIA Jetson TX2",
  hardware: TX2_HARDWARE,
  powerModes: {
    maxn: { title: "MAXN: GPU 1300 MHz", hardware: {} },
    maxq: clocked("MAXQ: GPU 854 MHz", TX2_HARDWARE, 854, { memoryGBPerSecond: 42.6 }),
  },
  sources: [
    "NVIDIA Jetson TX2 Series Module Data Sheet: 256 CUDA cores, 1.3 GHz, 1.33 TFLOP/s float16, 59.7 GB/s",
  ],
};

const XAVIER_HARDWARE: DeviceHardware = {
  architecture: "Volta (GV11B), compute capability 7.2",
  multiprocessors: 8,
  cudaCores: 512,
  tensorCores: 64,
  clockMhz: 1377,
  contractionTflops: { float16: 11.3, float32: 1.41, int8: 22.6 },
  vectorTflops: { float16: 2.82, float32: 1.41 },
  memoryGBPerSecond: 137,
  l2KB: 512,
};

export const XAVIER: Board = {
  name: "jetson-xavier",
  title: "NVIDIA Jetson AGX Xavier",
  hardware: XAVIER_HARDWARE,
  powerModes: {
    maxn: { title: "MAXN: GPU 1377 MHz", hardware: {} },
    "30w": clocked("30 W: GPU 900 MHz", XAVIER_HARDWARE, 900, { memoryGBPerSecond: 102 }),
    "15w": clocked("15 W: GPU 670 MHz", XAVIER_HARDWARE, 670, { memoryGBPerSecond: 85 }),
  },
  sources: [
    "NVIDIA Jetson AGX Xavier Series System-on-Module Data Sheet: 512 CUDA cores, 64 tensor cores, 1377 MHz, " +
      "11 TFLOP/s float16, 137 GB/s",
  ],
};

const XAVIER_NX_HARDWARE: DeviceHardware = {
  ...XAVIER_HARDWARE,
  multiprocessors: 6,
  cudaCores: 384,
  tensorCores: 48,
  clockMhz: 1109,
  contractionTflops: { float16: 6.8, float32: 0.852, int8: 13.6 },
  vectorTflops: { float16: 1.7, float32: 0.852 },
  memoryGBPerSecond: 59.7,
};

export const XAVIER_NX: Board = {
  name: "jetson-xavier-nx",
  title: "NVIDIA Jetson Xavier NX",
  hardware: XAVIER_NX_HARDWARE,
  powerModes: {
    "15w": { title: "15 W or 20 W: GPU 1109 MHz", hardware: {} },
    "10w": clocked("10 W: GPU 803 MHz", XAVIER_NX_HARDWARE, 803, { memoryGBPerSecond: 51.2 }),
  },
  sources: [
    "NVIDIA Jetson Xavier NX System-on-Module Data Sheet: 384 CUDA cores, 48 tensor cores, 1100 MHz, 59.7 GB/s",
  ],
};

const ORIN_RATES =
  "Rates are for dense matrices (half of the figures with structured sparsity); float32 with TF32 on the tensor cores, which is " +
  "what TensorRT makes of it.";

const AGX_ORIN_HARDWARE: DeviceHardware = {
  architecture: "Ampere (GA10B), compute capability 8.7",
  multiprocessors: 16,
  cudaCores: 2048,
  tensorCores: 64,
  clockMhz: 1300,
  contractionTflops: { float16: 42.5, float32: 21.3, int8: 85 },
  vectorTflops: { float16: 10.6, float32: 5.3 },
  memoryGBPerSecond: 204.8,
  l2KB: 4096,
};

const ORIN_NANO_HARDWARE: DeviceHardware = {
  ...AGX_ORIN_HARDWARE,
  multiprocessors: 8,
  cudaCores: 1024,
  tensorCores: 32,
  clockMhz: 625,
  contractionTflops: { float16: 10.2, float32: 5.12, int8: 20.5 },
  vectorTflops: { float16: 2.56, float32: 1.28 },
  memoryGBPerSecond: 68,
  l2KB: 2048,
};

export const ORIN_NANO: Board = {
  name: "jetson-orin-nano",
  title: "NVIDIA Jetson Orin Nano 8GB",
  hardware: ORIN_NANO_HARDWARE,
  powerModes: {
    "15w": { title: "15 W: GPU 625 MHz", hardware: {} },
    "7w": clocked("7 W: GPU 408 MHz", ORIN_NANO_HARDWARE, 408),
    "maxn-super": clocked("MAXN SUPER: GPU 1020 MHz", ORIN_NANO_HARDWARE, 1020, {
      memoryGBPerSecond: 102.4,
    }),
  },
  sources: [
    "NVIDIA Jetson Orin Nano Series Data Sheet: 1024 CUDA cores, 32 tensor cores, 625 MHz, 40 sparse INT8 TOPS, " +
      `68 GB/s; MAXN SUPER 1020 MHz, 102 GB/s. ${ORIN_RATES}`,
  ],
};

const ORIN_NX_HARDWARE: DeviceHardware = {
  ...ORIN_NANO_HARDWARE,
  clockMhz: 918,
  contractionTflops: { float16: 15, float32: 7.52, int8: 30.1 },
  vectorTflops: { float16: 3.76, float32: 1.88 },
  memoryGBPerSecond: 102.4,
};

export const ORIN_NX: Board = {
  name: "jetson-orin-nx",
  title: "NVIDIA Jetson Orin NX 16GB",
  hardware: ORIN_NX_HARDWARE,
  powerModes: {
    maxn: { title: "MAXN or 25 W with a free GPU: GPU 918 MHz", hardware: {} },
    "15w": clocked("15 W: GPU 612 MHz", ORIN_NX_HARDWARE, 612),
  },
  sources: [
    "NVIDIA Jetson Orin NX Series Data Sheet: 1024 CUDA cores, 32 tensor cores, 918 MHz, 60 sparse INT8 TOPS on the GPU, " +
      `102.4 GB/s. ${ORIN_RATES}`,
  ],
};

export const AGX_ORIN: Board = {
  name: "jetson-agx-orin",
  title: "NVIDIA Jetson AGX Orin 64GB",
  hardware: AGX_ORIN_HARDWARE,
  powerModes: {
    maxn: { title: "MAXN: GPU 1300 MHz", hardware: {} },
    "50w": clocked("50 W: GPU 828 MHz", AGX_ORIN_HARDWARE, 828),
    "30w": clocked("30 W: GPU 612 MHz, 8 multiprocessors", AGX_ORIN_HARDWARE, 612, {
      multiprocessors: 8,
    }),
  },
  sources: [
    "NVIDIA Jetson AGX Orin Series Technical Brief v1.2: 2048 CUDA cores, 64 tensor cores, 1.3 GHz, " +
      `170 sparse INT8 TOPS on the GPU, 5.3 TFLOP/s float32, 204.8 GB/s. ${ORIN_RATES}`,
  ],
};

export const AGX_ORIN_32: Board = {
  name: "jetson-agx-orin-32gb",
  title: "NVIDIA Jetson AGX Orin 32GB",
  hardware: AGX_ORIN_HARDWARE,
  powerModes: {
    maxn: {
      title: "developer kit, MAXN: 16 multiprocessors, GPU 1300 MHz, as its published rows show",
      hardware: {},
    },
    module: clocked(
      "production module, MAXN: 14 multiprocessors, GPU 930 MHz",
      AGX_ORIN_HARDWARE,
      930,
      {
        multiprocessors: 14,
      },
    ),
  },
  sources: AGX_ORIN.sources,
};

/** All boards that tables are predicted for. */
export const BOARDS: readonly Board[] = [
  ...[NANO, TX2, XAVIER_NX, XAVIER],
  ...[ORIN_NANO, ORIN_NX, AGX_ORIN_32, AGX_ORIN],
];

/**
 * What no published figure decides. Tiles are those that libraries of matrix multiplication usually offer; a thread block of
 * 128x128 outputs fills half a multiprocessor; kernels rarely reach more than 70 % of the published bandwidth;
 * depthwise figures are what convolutions of a larger device under TensorRT show.
 */
export const STARTING_MODEL: DeviceModel = {
  launchUs: 15,
  stepCycles: 1000,
  depthStep: 32,
  bandwidthEfficiency: 0.7,
  tiles: [
    [128, 128],
    [128, 64],
    [64, 64],
    [64, 32],
    [32, 64],
    [32, 32],
  ],
  halfSide: 32,
  residentElements: 2 * 128 * 128,
  channelMultiple: 8,
  winogradGain: 1,
  depthwise: { bandwidthEfficiency: 0.48, computeEfficiency: 0.14 },
  callMs: 0.1,
};

/** End-to-end milliseconds as torch2trt's documentation prints them: float16, batch 1, 224x224. */
export const PUBLISHED = {
  fitted: {
    "jetson-nano": { "ResNet-18": 11.4, "ResNet-34": 20.2, "ResNet-50": 29.8, "ResNet-101": 51.1 },
    "jetson-xavier": {
      "ResNet-18": 1.64,
      "ResNet-34": 2.79,
      "ResNet-50": 3.37,
      "ResNet-101": 6.04,
    },
  },
  heldOut: {
    "jetson-nano": { "ResNet-152": 72.3, "VGG-11": 55.1, "VGG-16": 85.1, "SqueezeNet 1.1": 4.34 },
    "jetson-xavier": {
      "ResNet-152": 8.57,
      "VGG-11": 5.24,
      "VGG-16": 7.46,
      MobileNetV2: 1.67,
      "SqueezeNet 1.1": 1.02,
    },
  },
} as const satisfies Record<string, Record<string, Record<string, number>>>;
