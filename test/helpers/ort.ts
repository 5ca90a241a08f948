import { InferenceSession, Tensor } from "onnxruntime-node";
import { randomFrom } from "../../src/core/random.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { inferShapes, type Shapes } from "../../src/graph/shapes/infer.ts";
import { elementCount } from "../../src/graph/tensor.ts";
import { type Model, modelOf, withGraph } from "../../src/onnx/model.ts";
import { serializeModel } from "../../src/onnx/write.ts";

/** What onnxruntime returned for one output. */
export interface OrtValue {
  readonly type: string;
  readonly shape: readonly number[];
  readonly data: ArrayLike<number | bigint | string>;
}

/** The model's bytes in one piece. */
export function bytesOfModel(model: Model): Uint8Array {
  const { buffer, byteOffset, byteLength } = Buffer.concat(serializeModel(model));
  return new Uint8Array(buffer, byteOffset, byteLength);
}

/** The graph with every value that a node writes as an output. */
function withAllOutputs(graph: Graph, shapes: Shapes): Graph {
  const names = graph.nodes.flatMap((node) => node.outputs.filter((name) => name !== ""));
  const outputs = names.map((name) => ({ name, type: shapes.of(name)?.type ?? null, shape: null }));
  return { ...graph, outputs, values: [] };
}

/** Runs a model without optimisation on seeded normal inputs; those of int32 are filled with ones. */
export async function runSeeded(
  model: Model | Graph,
  options: { readonly batch?: number; readonly seed?: number } = {},
): Promise<ReadonlyMap<string, OrtValue>> {
  const whole = "graph" in model ? model : modelOf(model);
  const { batch = 2, seed = 1 } = options;
  const session = await InferenceSession.create(bytesOfModel(whole), {
    graphOptimizationLevel: "disabled",
    intraOpNumThreads: 1,
    logSeverityLevel: 3,
  });
  const shapes = inferShapes({ ...whole.graph, nodes: [], outputs: [] }, { batch });
  const random = randomFrom(seed);
  const feeds: Record<string, Tensor> = {};
  for (const input of whole.graph.inputs) {
    const shape = shapes.resolved(input.name) ?? [];
    const length = elementCount(shape);
    feeds[input.name] =
      input.type === "int32"
        ? new Tensor("int32", new Int32Array(length).fill(1), shape)
        : new Tensor("float32", Float32Array.from({ length }, random.normal), shape);
  }
  const results = await session.run(feeds);
  await session.release();
  return new Map(
    Object.entries(results).map(([name, { type, dims, data }]) => [
      name,
      { type, shape: dims, data: data as ArrayLike<number | bigint | string> },
    ]),
  );
}

/**
 * Differences between the shapes that are inferred for a graph and those that onnxruntime computes, over every value;
 * also between the constants that are inferred and what onnxruntime computes. Empty where all agree.
 */
export async function shapeDifferences(model: Model | Graph, batch = 2): Promise<string[]> {
  const whole = "graph" in model ? model : modelOf(model);
  const shapes = inferShapes(whole.graph, { batch });
  const open = withGraph(whole, withAllOutputs(whole.graph, shapes));
  const differences: string[] = [];
  const ran = await runSeeded(open, { batch });
  if (ran.size !== open.graph.outputs.length) differences.push(`only ${ran.size} values ran`);
  for (const [name, value] of ran) {
    const inferred = shapes.of(name);
    if (JSON.stringify(inferred?.shape) !== JSON.stringify(value.shape)) {
      differences.push(
        `${name}: ${JSON.stringify(inferred?.shape)} but ran as ${JSON.stringify(value.shape)}`,
      );
    }
    if (inferred !== null && inferred.type !== value.type) {
      differences.push(`${name}: ${inferred.type} but ran as ${value.type}`);
    }
    const constant = shapes.constant(name);
    if (constant === null) continue;
    const computed = Array.from(value.data, Number);
    if (
      constant.some(
        (element, index) =>
          typeof element === "number" &&
          Math.abs(element - (computed[index] ?? Number.NaN)) > 1e-4 * Math.abs(element),
      )
    ) {
      differences.push(
        `${name}: values ${constant.slice(0, 8).join()} but ran as ${computed.slice(0, 8).join()}`,
      );
    }
  }
  return differences;
}
