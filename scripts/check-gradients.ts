/**
 * Compares gradients of whole networks with PyTorch's, which it needs as python3's torch: a training step's gradients of
 * every weight, ours and PyTorch's in float32, each against PyTorch's in float64. Networks are compared as they are, and
 * with smooth functions in place of ReLU, Clip and MaxPool, where float32 has no kinks to fall to the wrong side of.
 *
 * npx tsx scripts/check-gradients.ts model.onnx[:batch] ...
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { randomFrom } from "../src/core/random.ts";
import { differentiate } from "../src/gradients/differentiate.ts";
import { crossEntropy, logitsOf } from "../src/gradients/losses.ts";
import { trainableParameters } from "../src/gradients/parameters.ts";
import { staticGraph } from "../src/gradients/static-graph.ts";
import { trainingMode } from "../src/gradients/training-mode.ts";
import { constantOf } from "../src/graph/constants.ts";
import type { Graph, Node, Tensor } from "../src/graph/graph.ts";
import { inferShapes } from "../src/graph/shapes/infer.ts";
import { elementCount, floatTensor, intTensor } from "../src/graph/tensor.ts";
import { modelOf } from "../src/onnx/model.ts";
import { readModel } from "../src/onnx/read.ts";
import { serializeModel } from "../src/onnx/write.ts";
import { openSession } from "../src/runtime/session.ts";

const SMOOTH: Readonly<Record<string, string>> = {
  Relu: "Softplus",
  Clip: "Tanh",
  MaxPool: "AveragePool",
};

interface Problem {
  readonly graph: Graph;
  readonly loss: string;
  readonly names: readonly string[];
  readonly feeds: ReadonlyMap<string, Tensor>;
}

function smoothed(node: Node): Node {
  const opType = SMOOTH[node.opType];
  if (opType === undefined) return node;
  if (opType === "AveragePool") {
    const attributes = new Map([
      ...node.attributes,
      ["count_include_pad", { kind: "int", value: 1 }] as const,
    ]);
    attributes.delete("storage_order");
    return { ...node, opType, outputs: node.outputs.slice(0, 1), attributes };
  }
  return { ...node, opType, inputs: node.inputs.slice(0, 1), attributes: new Map() };
}

function problemOf(path: string, batch: number, smooth: boolean): Problem {
  const still = staticGraph(readModel(path).graph, { batch });
  const chosen = smooth ? { ...still, nodes: still.nodes.map(smoothed) } : still;
  const { graph: training } = trainingMode(chosen);
  const logits = logitsOf(training, training.outputs[0]?.name ?? "");
  const { graph, loss } = crossEntropy(training, { logits, labels: "labels" });
  const random = randomFrom(1);
  const classes = inferShapes(graph).resolved(logits)?.[1] ?? 1;
  const feeds = new Map(
    graph.inputs.map(({ name, shape }): [string, Tensor] => {
      const extents = (shape ?? []).map(Number);
      const length = elementCount(extents);
      if (name === "labels") {
        return [
          name,
          intTensor(
            extents,
            Array.from({ length }, () => random.integer(classes)),
          ),
        ];
      }
      return [name, floatTensor(extents, Float32Array.from({ length }, random.normal))];
    }),
  );
  return { graph, loss, names: trainableParameters(graph, loss), feeds };
}

/** The gradients of every name, one after the other. */
async function ours({ graph, loss, names, feeds }: Problem): Promise<number[][]> {
  const { graph: whole, gradients } = differentiate(graph, { loss, withRespectTo: names });
  const bytes = Buffer.concat(serializeModel(modelOf(whole)));
  const session = await openSession(
    new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.byteLength),
  );
  const given = [...feeds].map(([name, { shape, type, bytes: read }]) => {
    const { buffer } = read().slice();
    return type === "int64"
      ? ([name, { type, shape, data: new BigInt64Array(buffer) }] as const)
      : ([name, { type: "float32", shape, data: new Float32Array(buffer) }] as const);
  });
  const results = await session.run(Object.fromEntries(given));
  await session.close();
  return names.map((name) => Array.from(results[gradients.get(name) ?? ""]?.data ?? [], Number));
}

/** Those of PyTorch: exact (float64), then in float32. */
function pytorch({ graph, loss, names, feeds }: Problem): number[][] {
  const folder = mkdtempSync(join(tmpdir(), "mdp-gradients-"));
  try {
    const tensors: Record<string, unknown> = {};
    const parts: Uint8Array[] = [];
    let offset = 0;
    const constants = graph.nodes.flatMap((node) =>
      node.opType === "Constant"
        ? node.outputs.map((name) => [name, constantOf(graph, name)] as const)
        : [],
    );
    for (const [name, tensor] of [...graph.initializers, ...constants, ...feeds]) {
      if (tensor === null) continue;
      tensors[name] = { type: tensor.type, shape: tensor.shape, offset };
      const bytes = tensor.bytes();
      parts.push(bytes, new Uint8Array((16 - (bytes.byteLength % 16)) % 16));
      offset += bytes.byteLength + ((16 - (bytes.byteLength % 16)) % 16);
    }
    const nodes = graph.nodes
      .filter(({ opType }) => opType !== "Constant")
      .map(({ opType, inputs, outputs, attributes }) => ({
        op: opType,
        inputs,
        outputs,
        a: Object.fromEntries(
          [...attributes].map(([name, attribute]) => [
            "value" in attribute ? name : "",
            "value" in attribute ? attribute.value : null,
          ]),
        ),
      }));
    writeFileSync(join(folder, "data.bin"), Buffer.concat(parts));
    writeFileSync(join(folder, "graph.json"), JSON.stringify({ tensors, nodes, loss, names }));
    const script = fileURLToPath(new URL("./check-gradients.py", import.meta.url));
    execFileSync("/usr/bin/python3", [script, folder], { stdio: "inherit" });
    const bytes = readFileSync(join(folder, "gradients.bin"));
    const numbers = new Float64Array(
      bytes.buffer.slice(bytes.byteOffset + 8, bytes.byteOffset + bytes.byteLength),
    );
    const shapes = inferShapes(graph);
    let at = 0;
    return [...names, ...names].map((name) => {
      const length = elementCount(shapes.resolved(name) ?? []);
      at += length;
      return Array.from(numbers.subarray(at - length, at));
    });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Length of the difference over the length of the reference. */
function distance(reference: readonly number[], other: readonly number[]): number {
  let [difference, length] = [0, 0];
  reference.forEach((value, index) => {
    difference += (value - (other[index] ?? Number.NaN)) ** 2;
    length += value ** 2;
  });
  return Math.sqrt(difference / length);
}

/** Over all weights taken as one vector, then the median and the worst tensor. Tensors that are noise are left out. */
function summary(exact: readonly number[][], other: readonly number[][]): string {
  const size = (values: readonly number[]): number =>
    Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  const largest = exact.reduce((max, values) => Math.max(max, size(values)), 0);
  const each = exact
    .flatMap((values, index) =>
      size(values) > 1e-6 * largest ? [distance(values, other[index] ?? [])] : [],
    )
    .sort((a, b) => a - b);
  const all = distance(exact.flat(), other.flat());
  const [median = 0, worst = 0] = [each[each.length >> 1], each.at(-1)];
  return [all, median, worst].map((value) => value.toExponential(1)).join("  ");
}

console.log("relative to float64: all weights, median tensor, worst tensor");
console.log(`${"network".padEnd(44)} batch  ${"onnxruntime float32".padEnd(27)} PyTorch float32`);
for (const argument of process.argv.slice(2)) {
  const [path = "", batch = "4"] = argument.split(":");
  for (const smooth of [true, false]) {
    const problem = problemOf(path, Number(batch), smooth);
    const found = pytorch(problem);
    const count = problem.names.length;
    const [exact, single] = [found.slice(0, count), found.slice(count)];
    const mine = await ours(problem);
    const label = `${basename(path).replace(/\.onnx(\.br)?$/, "")}${smooth ? ", smooth" : ""}`;
    console.log(
      `${label.padEnd(44)} ${batch.padStart(5)}  ${summary(exact, mine)}   ${summary(exact, single)}`,
    );
  }
}
