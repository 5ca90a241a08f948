/** Published hardware figures of the Jetsons, and the constants that every prediction starts from. */
import type { DeviceHardware, DeviceModel } from "../../src/latency/predict/device.ts";

export interface Board {
  readonly name: string;
  readonly title: string;
  readonly hardware: DeviceHardware;
  readonly sources: readonly string[];
}

export const NANO: Board = {
  name: "jetson-nano",
  title: "NVIDIA Jetson Nano",
  hardware: {
    architecture: "Maxwell (GM20B), compute capability 5.3",
    multiprocessors: 1,
    cudaCores: 128,
    tensorCores: 0,
    clockMhz: 921.6,
    contractionTflops: { float16: 0.472, float32: 0.236 },
    vectorTflops: { float16: 0.472, float32: 0.236 },
    memoryGBPerSecond: 25.6,
    l2KB: 256,
  },
  sources: [
    "NVIDIA Jetson Nano System-on-Module Data Sheet: 128 CUDA cores, 921.6 MHz, 472 GFLOP/s float16, 25.6 GB/s",
    "torch2trt documentation (NVIDIA-AI-IOT), Benchmarks: Jetson Nano: float16 TensorRT latencies at batch 1",
  ],
};

export const XAVIER: Board = {
  name: "jetson-xavier",
  title: "NVIDIA Jetson AGX Xavier",
  hardware: {
    architecture: "Volta (GV11B), compute capability 7.2",
    multiprocessors: 8,
    cudaCores: 512,
    tensorCores: 64,
    clockMhz: 1377,
    contractionTflops: { float16: 11.3, float32: 1.41 },
    vectorTflops: { float16: 2.82, float32: 1.41 },
    memoryGBPerSecond: 137,
    l2KB: 512,
  },
  sources: [
    "NVIDIA Jetson AGX Xavier Series System-on-Module Data Sheet: 512 CUDA cores, 64 tensor cores, 1377 MHz, " +
      "11 TFLOP/s float16, 137 GB/s",
    "torch2trt documentation (NVIDIA-AI-IOT), Benchmarks: Jetson Xavier: float16 TensorRT latencies at batch 1",
  ],
};

const ORIN_RATES =
  "Rates are for dense matrices (half of the figures with structured sparsity); float32 without TF32.";

export const ORIN_NANO: Board = {
  name: "jetson-orin-nano",
  title: "NVIDIA Jetson Orin Nano 8GB",
  hardware: {
    architecture: "Ampere (GA10B), compute capability 8.7",
    multiprocessors: 8,
    cudaCores: 1024,
    tensorCores: 32,
    clockMhz: 625,
    contractionTflops: { float16: 10.2, float32: 1.28 },
    vectorTflops: { float16: 2.56, float32: 1.28 },
    memoryGBPerSecond: 68,
    l2KB: 2048,
  },
  sources: [
    "NVIDIA Jetson Orin Nano Series Data Sheet: 1024 CUDA cores, 32 tensor cores, 625 MHz, 40 sparse INT8 TOPS, " +
      `68 GB/s (the 15 W module, not the faster clocks of 'Super' mode). ${ORIN_RATES}`,
  ],
};

export const AGX_ORIN: Board = {
  name: "jetson-agx-orin",
  title: "NVIDIA Jetson AGX Orin 64GB",
  hardware: {
    architecture: "Ampere (GA10B), compute capability 8.7",
    multiprocessors: 16,
    cudaCores: 2048,
    tensorCores: 64,
    clockMhz: 1300,
    contractionTflops: { float16: 42.5, float32: 5.3 },
    vectorTflops: { float16: 10.6, float32: 5.3 },
    memoryGBPerSecond: 204.8,
    l2KB: 4096,
  },
  sources: [
    "NVIDIA Jetson AGX Orin Series Technical Brief v1.2: 2048 CUDA cores, 64 tensor cores, 1.3 GHz, " +
      `170 sparse INT8 TOPS on the GPU, 5.3 TFLOP/s float32, 204.8 GB/s. ${ORIN_RATES}`,
  ],
};

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
