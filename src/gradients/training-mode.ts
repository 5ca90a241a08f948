import {
  floatAttribute,
  type Graph,
  intAttribute,
  type Node,
  nodeId,
  type Value,
} from "../graph/graph.ts";
import { inferShapes } from "../graph/shapes/infer.ts";
import { elementCount } from "../graph/tensor.ts";

/** One BatchNormalization of a network in training: where its statistics are kept, and where a batch's come out. */
export interface BatchStatistics {
  /** Identity of the node. */
  readonly node: string;
  /** Initializers (or inputs, after `parametersAsInputs`) of the running statistics. Training doesn't read them. */
  readonly mean: string;
  readonly variance: string;
  /** Outputs of the graph: mean and variance (over n, not n - 1) of each channel of the batch that was fed. */
  readonly batchMean: string;
  readonly batchVariance: string;
  /** Elements per channel, so that a trainer can keep the variance over n - 1, as PyTorch does. */
  readonly count: number;
  /** The share of the old value that the file asks to keep at each step (0.9 unless it says otherwise). */
  readonly momentum: number;
}

export interface TrainingMode {
  readonly graph: Graph;
  readonly batchNorms: readonly BatchStatistics[];
}

/**
 * The network as it is trained: BatchNormalization uses the statistics of the batch and gives them out. Dropout passes
 * everything, as it does in an exported file. Requires a graph from `staticGraph`.
 *
 * @example
 * const { graph, batchNorms } = trainingMode(staticGraph(model.graph, { batch: 128 }));
 * // After each step: running = momentum * running + (1 - momentum) * value of batchNorms[i].batchMean
 */
export function trainingMode(graph: Graph): TrainingMode {
  const shapes = inferShapes(graph);
  const batchNorms: BatchStatistics[] = [];
  const outputs: Value[] = [];
  const nodes = graph.nodes.map((node) => {
    if (node.domain !== "" || node.opType !== "BatchNormalization") return node;
    if (intAttribute(node, "training_mode", 0) !== 0) return node;
    const [output = ""] = node.outputs;
    const [batchMean, batchVariance] = [`${output}/batch_mean`, `${output}/batch_variance`];
    const [batch = 1, channels = 1, ...space] = shapes.resolved(node.inputs[0] ?? "") ?? [];
    const type = shapes.of(node.inputs[0] ?? "")?.type ?? null;
    for (const name of [batchMean, batchVariance]) {
      outputs.push({ name, type, shape: [channels] });
    }
    batchNorms.push({
      node: nodeId(node),
      mean: node.inputs[3] ?? "",
      variance: node.inputs[4] ?? "",
      batchMean,
      batchVariance,
      count: batch * elementCount(space),
      momentum: floatAttribute(node, "momentum", 0.9),
    });
    return training(node, [output, batchMean, batchVariance]);
  });
  return { graph: { ...graph, nodes, outputs: [...graph.outputs, ...outputs] }, batchNorms };
}

// With momentum 0 the "running" statistics that come out are those of the batch alone, whatever goes in.
function training(node: Node, outputs: readonly string[]): Node {
  const attributes = new Map([
    ...node.attributes,
    ["training_mode", { kind: "int", value: 1 }] as const,
    ["momentum", { kind: "float", value: 0 }] as const,
  ]);
  return { ...node, outputs, attributes };
}
