/**
 * A linear probe: the last layer of a classifier is fitted anew to another task, all others stay.
 *
 *   (C_xx + ridge I) W' = C_xy     x the features, y one-hot labels, both around their means
 */
import { CholeskyDecomposition, Matrix } from "ml-matrix";
import type { Dataset } from "../../src/data/dataset.ts";
import { type Graph, intAttribute, type Node } from "../../src/graph/graph.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { type Model, withGraph } from "../../src/onnx/model.ts";
import { serializeModel } from "../../src/onnx/write.ts";
import { bindFeeds } from "../../src/runtime/bind-feeds.ts";
import { openSession } from "../../src/runtime/session.ts";

const BATCH = 50;
/** Relative to the mean variance of the features. */
const RIDGE = 0.01;
/** Scores of 0 and 1 say nothing as logarithms of probabilities; ten times as large they are nearly certain. */
const SHARPNESS = 10;

/** The last layer: a Gemm with the weight as outputs x inputs, as exporters write it. */
interface Head {
  readonly features: string;
  readonly weight: string;
  readonly bias: string;
  readonly classes: number;
}

function headOf(graph: Graph): Head {
  const node = graph.nodes.findLast(({ opType }: Node) => opType === "Gemm");
  const [features = "", weight = "", bias = ""] = node?.inputs ?? [];
  const classes = graph.initializers.get(weight)?.shape[0];
  if (node === undefined || classes === undefined || intAttribute(node, "transB", 0) !== 1)
    throw new Error("the network does not end in a Gemm with a weight of outputs x inputs");
  return { features, weight, bias, classes };
}

interface Described {
  readonly features: Matrix;
  readonly labels: readonly number[];
}

async function describe(model: Model, { features }: Head, dataset: Dataset): Promise<Described> {
  const outputs = [{ name: features, type: "float32" as const, shape: null }];
  const bytes = Buffer.concat(serializeModel(withGraph(model, { ...model.graph, outputs })));
  const session = await openSession(bytes, { threads: 2, where: "features" });
  const rows: Float32Array[] = [];
  const labels: number[] = [];
  try {
    for await (const batch of dataset.batches(BATCH)) {
      const found = await session.run(bindFeeds(model.graph.inputs, batch, "features"));
      const data = found[features]?.data;
      if (!(data instanceof Float32Array)) throw new Error("features are not float32");
      const width = data.length / batch.size;
      for (let at = 0; at < batch.size; at += 1) {
        rows.push(data.slice(at * width, (at + 1) * width));
        labels.push(batch.labels[at] ?? -1);
      }
    }
  } finally {
    await session.close();
  }
  return { features: new Matrix(rows.map((row) => Array.from(row))), labels };
}

/** The network with the probe as its last layer. */
export async function probed(model: Model, train: Dataset): Promise<Model> {
  const head = headOf(model.graph);
  const { features, labels } = await describe(model, head, train);
  const means = features.mean("column");
  const centred = features.clone().subRowVector(means);
  const count = features.rows;
  const wanted = Matrix.zeros(count, head.classes);
  for (const [row, label] of labels.entries()) wanted.set(row, label, 1);
  const shares = wanted.mean("column");
  wanted.subRowVector(shares);
  const covariance = centred.transpose().mmul(centred).div(count);
  const ridge = Math.max(1e-12, (RIDGE * covariance.trace()) / covariance.rows);
  covariance.add(Matrix.eye(covariance.rows, covariance.rows, ridge));
  const cross = centred.transpose().mmul(wanted).div(count);
  const weights = new CholeskyDecomposition(covariance).solve(cross).transpose().mul(SHARPNESS);
  const bias = shares.map(
    (share, row) =>
      SHARPNESS * share -
      means.reduce((sum, mean, column) => sum + mean * weights.get(row, column), 0),
  );
  const initializers = new Map(model.graph.initializers)
    .set(
      head.weight,
      floatTensor([head.classes, features.columns], Float32Array.from(weights.to1DArray())),
    )
    .set(head.bias, floatTensor([head.classes], Float32Array.from(bias)));
  return withGraph(model, { ...model.graph, initializers });
}
