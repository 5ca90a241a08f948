/** The networks of ../shared that tables are benchmarked on, and where their tables go. */
import { mkdirSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sharedPath } from "../../test/helpers/shared.ts";

/** A network, and the setting that its table is for. */
export interface BenchNetwork {
  readonly name: string;
  /** Below the folder of the shared test data, which MDP_SHARED names. */
  readonly model: string;
  readonly batch: number;
  readonly step: number;
}

export const RESNET56: BenchNetwork = {
  name: "resnet56",
  model: "models/cifar10_resnet56_op13_bn.onnx",
  batch: 8,
  step: 4,
};

export const MOBILENET_V2: BenchNetwork = {
  name: "mobilenetv2",
  model: "graphs/mobilenet_v2_op13_bn.onnx.br",
  batch: 1,
  step: 8,
};

export const RESNET50: BenchNetwork = {
  name: "resnet50",
  model: "graphs/resnet50_op13_bn.onnx.br",
  batch: 1,
  step: 8,
};

export const VIT_CIFAR: BenchNetwork = {
  name: "vit-cifar",
  model: "models/cifar10_vit_smmk47_op17.onnx",
  batch: 8,
  step: 8,
};

export const MOBILENET_V3: BenchNetwork = {
  name: "mobilenetv3-small",
  model: "graphs/mobilenet_v3_small_op13_bn.onnx.br",
  batch: 1,
  step: 8,
};

export const EFFICIENTNET_B0: BenchNetwork = {
  name: "efficientnet-b0",
  model: "graphs/efficientnet_b0_op13_bn.onnx.br",
  batch: 1,
  step: 8,
};

/** Where a network lies, a folder for what is made of it, and its setting as options of mdp. */
export interface OpenBench {
  readonly model: string;
  readonly folder: string;
  readonly setting: readonly string[];
}

/**
 * Says so and gives null where the network isn't there.
 * @param bench names the folder for temporary files, unless MDP_BENCH names another
 */
export function openBench(
  { name, model, batch, step }: BenchNetwork,
  bench: string,
): OpenBench | null {
  const path = sharedPath(model);
  if (path === null) {
    console.log(`${name}: ${model} is not there, left out`);
    return null;
  }
  const folder = join(process.env["MDP_BENCH"] ?? join(tmpdir(), `mdp-bench-${bench}`), name);
  mkdirSync(folder, { recursive: true });
  return { model: path, folder, setting: ["--batch", String(batch), "--step", String(step)] };
}
