import { readFileSync } from "node:fs";
import { join } from "node:path";
import { sha256, writeJson } from "../../src/core/files.ts";
import { graphBuilder } from "../../src/graph/build.ts";
import type { Graph, Tensor } from "../../src/graph/graph.ts";
import { elementCount, floatsOf, floatTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { makeCheck, writeCheck } from "../../src/pytorch/project/check-file.ts";
import { checkFileOf, type Project } from "../../src/pytorch/project/project-file.ts";
import { writeSafetensors } from "../../src/pytorch/safetensors/write.ts";
import { openModel } from "../../src/runtime/open-model.ts";

export type Weights = Map<string, Tensor>;

type ProjectParameter = Project["parameters"][number];

/** A parameter that is trained as the network's constant of the same name holds it. */
export function parameterOf(
  name: string,
  shape: readonly number[],
  changes: Partial<ProjectParameter> = {},
): ProjectParameter {
  const same = { type: "float32", change: "none", buffer: false } as const;
  return { ...same, key: name, initializer: name, shape: [...shape], ...changes };
}

/** Writes network.onnx and project.json by hand, as an export would: what comes back needs no module. */
export function handmadeProject(
  folder: string,
  graph: Graph,
  parametersOf: (plain: ProjectParameter[]) => ProjectParameter[] = (plain) => plain,
): Project {
  const onnx = join(folder, "network.onnx");
  writeModel(modelOf(graph), onnx);
  const none = "0".repeat(64);
  const floats = [...graph.initializers].filter(([, { type }]) => type === "float32");
  const project: Project = {
    schema: "mdp-pytorch/1",
    name: graph.name,
    mdp: "0.1.0",
    task: "classification",
    loss: "cross-entropy",
    input: { name: "input", shape: [null, 3, 12, 12] },
    output: { name: "output", shape: [null, 5] },
    classes: 5,
    data: null,
    hashes: {
      source: none,
      subnet: null,
      onnx: sha256(readFileSync(onnx)),
      weights: none,
      teacher: none,
    },
    parameters: parametersOf(floats.map(([name, { shape }]) => parameterOf(name, shape))),
    features: [],
  };
  writeJson(join(folder, "project.json"), project);
  return project;
}

/** As after training: every weight that the network has is a little larger. */
export function trainedWeights(project: Project, graph: Graph, by = 1.25): Weights {
  return new Map(
    project.parameters.map(({ key, initializer, shape }): [string, Tensor] => {
      const old = graph.initializers.get(initializer);
      const values = old === undefined ? new Float32Array(elementCount(shape)) : floatsOf(old);
      return [
        key,
        floatTensor(
          shape,
          Array.from(values, (value) => value * by),
        ),
      ];
    }),
  );
}

/** Writes trained weights as the training script does. */
export function saveWeights(
  path: string,
  project: Project,
  tensors: Weights,
  metadata: Readonly<Record<string, string>> = {},
): void {
  const own = { schema: "mdp-weights/1", network: project.hashes.onnx };
  writeSafetensors(path, tensors, { ...own, ...metadata });
}

/** The check that the training would have left: the outputs are those of the network filled by hand. */
export async function saveCheck(weights: string, graph: Graph, tensors: Weights): Promise<void> {
  const session = await openModel(modelOf(filled(graph, tensors)));
  const check = await makeCheck(session, sha256(readFileSync(weights)), 3);
  await session.close();
  writeCheck(checkFileOf(weights), check);
}

/** The graph with initializers of these names replaced. */
export function filled(graph: Graph, tensors: Weights): Graph {
  const initializers = [...graph.initializers].map(([name, tensor]): [string, Tensor] => {
    return [name, tensors.get(name) ?? tensor];
  });
  return { ...graph, initializers: new Map(initializers) };
}

/** Two convolutions that share a bias through Identity, then a matrix. */
export function sharedBias(): Graph {
  const b = graphBuilder({ opset: 17, name: "sharing" });
  const tensor = (name: string, shape: readonly number[]): string => {
    const values = Array.from({ length: elementCount(shape) }, (_, index) => Math.sin(index + 1));
    return b.tensor(name, floatTensor(shape, values));
  };
  const conv = (name: string, input: string, from: number, bias: string): string =>
    b.node("Conv", [input, tensor(`${name}.weight`, [4, from, 3, 3]), bias], {
      attributes: { pads: [1, 1, 1, 1] },
    });
  const bias = tensor("conv1.bias", [4]);
  const first = b.node("Relu", [conv("conv1", b.input("input", ["n", 3, 6, 6]), 3, bias)]);
  const same = b.node("Identity", [bias], { outputs: ["conv2.bias"] });
  const pooled = b.node("GlobalAveragePool", [conv("conv2", first, 4, same)]);
  b.output(b.node("MatMul", [b.node("Flatten", [pooled]), tensor("fc", [4, 5])]));
  return b.graph();
}
