import type { Graph, Node } from "../graph/graph.ts";
import { floatAttribute } from "../graph/graph.ts";
import { inferShapes } from "../graph/shapes/infer.ts";
import { floatsOf, floatTensor } from "../graph/tensor.ts";
import { consumersOf } from "../graph/traversal.ts";
import { type Model, withGraph } from "../onnx/model.ts";
import type { SampleBatch } from "../runtime/batches.ts";
import { bindFeeds } from "../runtime/bind-feeds.ts";
import { openModel } from "../runtime/open-model.ts";
import type { Feeds } from "../runtime/session.ts";

/** A BatchNormalization whose four tensors nobody else reads. */
interface OwnNorm {
  readonly node: Node;
  /** Names of scale, bias, mean, variance. */
  readonly tensors: readonly [string, string, string, string];
  readonly channels: number;
  readonly epsilon: number;
  /** Outputs of the measuring graph: means over an image of x - mean, and of its square. */
  readonly shift: string;
  readonly square: string;
}

/**
 * The same function, written with other numbers: the running mean and variance of every BatchNormalization become those that its
 * inputs have on the images, and its scale and bias make up for it. Whoever then normalises by batches starts from the
 * function that the network has, as one does after ordinary training. Repaired networks need it: their statistics are
 * those of what was cut away.
 *
 * With s = sqrt(variance + epsilon) before and s' after: scale' = scale s' / s, bias' = bias + scale (mean' - mean) / s.
 * Norms of other than four axes, and those that share a tensor, stay as they are.
 * @throws InputError `runtime/load-failed`
 */
export async function matchNorms(
  model: Model,
  batches: Iterable<SampleBatch>,
  threads: number,
): Promise<Model> {
  const norms = ownNorms(model.graph);
  if (norms.length === 0) return model;
  const session = await openModel(withGraph(model, measuring(model.graph, norms)), { threads });
  const sums = new Map<string, Float64Array>();
  let images = 0;
  try {
    for (const batch of batches) {
      const outputs = await session.run(bindFeeds(model.graph.inputs, batch, model.graph.name));
      for (const { channels, shift, square } of norms) {
        addRows(sums, shift, outputs, channels);
        addRows(sums, square, outputs, channels);
      }
      images += batch.size;
    }
  } finally {
    await session.close();
  }
  if (images === 0) return model;
  const initializers = new Map(model.graph.initializers);
  for (const norm of norms) {
    const mean = (name: string): Float64Array =>
      (sums.get(name) ?? new Float64Array(norm.channels)).map((sum) => sum / images);
    const old = norm.tensors.map((name) => {
      const tensor = model.graph.initializers.get(name);
      return tensor === undefined ? new Float32Array(norm.channels) : floatsOf(tensor);
    });
    const fresh = matched(old, mean(norm.shift), mean(norm.square), norm.epsilon);
    for (const [at, name] of norm.tensors.entries()) {
      initializers.set(name, floatTensor([norm.channels], fresh[at] ?? []));
    }
  }
  return withGraph(model, { ...model.graph, initializers });
}

/** Scale, bias, mean and variance again, from the means of x - mean and of its square. */
function matched(
  [scale = [], bias = [], mean = [], variance = []]: readonly ArrayLike<number>[],
  shift: Float64Array,
  square: Float64Array,
  epsilon: number,
): readonly Float64Array[] {
  const fresh = [scale, bias, mean, variance].map((values) => Float64Array.from(values));
  for (const [channel, moved] of shift.entries()) {
    const spread = Math.max(0, (square[channel] ?? 0) - moved * moved);
    const before = Math.sqrt((variance[channel] ?? 0) + epsilon);
    const factor = (scale[channel] ?? 0) / before;
    const values = [
      factor * Math.sqrt(spread + epsilon),
      (bias[channel] ?? 0) + factor * moved,
      (mean[channel] ?? 0) + moved,
      spread,
    ];
    for (const [at, value] of values.entries()) (fresh[at] as Float64Array)[channel] = value;
  }
  return fresh;
}

function ownNorms(graph: Graph): OwnNorm[] {
  const consumers = consumersOf(graph);
  const shapes = inferShapes(graph, { batch: 2 });
  return graph.nodes.flatMap((node, index) => {
    const [value = "", scale = "", bias = "", mean = "", variance = ""] = node.inputs;
    if (node.opType !== "BatchNormalization" || shapes.resolved(value)?.length !== 4) return [];
    const tensors = [scale, bias, mean, variance] as const;
    const own = tensors.every(
      (name) =>
        graph.initializers.get(name)?.type === "float32" && consumers.get(name)?.length === 1,
    );
    if (!own) return [];
    return {
      node,
      tensors,
      channels: graph.initializers.get(scale)?.shape[0] ?? 0,
      epsilon: floatAttribute(node, "epsilon", 1e-5),
      shift: `mdp.norm${index}.shift`,
      square: `mdp.norm${index}.square`,
    };
  });
}

/** The network with two outputs per norm: [batch, channels, 1, 1] each. Differences to the old mean keep their digits. */
function measuring(graph: Graph, norms: readonly OwnNorm[]): Graph {
  const initializers = new Map(graph.initializers);
  const nodes = norms.flatMap(({ node, tensors, channels, shift, square }) => {
    const mean = graph.initializers.get(tensors[2]);
    const old = `${shift}.old`;
    initializers.set(old, floatTensor([channels, 1, 1], mean === undefined ? [] : floatsOf(mean)));
    return [
      plain("Sub", [node.inputs[0] ?? "", old], `${shift}.x`),
      plain("GlobalAveragePool", [`${shift}.x`], shift),
      plain("Mul", [`${shift}.x`, `${shift}.x`], `${square}.x`),
      plain("GlobalAveragePool", [`${square}.x`], square),
    ];
  });
  const outputs = norms
    .flatMap(({ shift, square }) => [shift, square])
    .map((name) => ({ name, type: "float32" as const, shape: null }));
  return { ...graph, nodes: [...graph.nodes, ...nodes], initializers, outputs };
}

function plain(opType: string, inputs: readonly string[], output: string): Node {
  return { name: output, opType, domain: "", inputs, outputs: [output], attributes: new Map() };
}

function addRows(
  sums: Map<string, Float64Array>,
  name: string,
  outputs: Feeds,
  channels: number,
): void {
  const sum = sums.get(name) ?? new Float64Array(channels);
  const output = outputs[name];
  if (output?.type === "float32") {
    for (const [at, value] of output.data.entries()) {
      sum[at % channels] = (sum[at % channels] ?? 0) + value;
    }
  }
  sums.set(name, sum);
}
