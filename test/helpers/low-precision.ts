import { at } from "../../src/core/at.ts";
import { attributesFrom } from "../../src/graph/build.ts";
import { checkGraph } from "../../src/graph/check.ts";
import { numbersOf, tensorOf } from "../../src/graph/fold/numbers.ts";
import type { Graph, Node, Tensor } from "../../src/graph/graph.ts";
import { hasTrait } from "../../src/graph/op-traits.ts";
import { stridesOf } from "../../src/graph/shapes/indexing.ts";
import { elementCount, floatTensor, tensorFromBytes } from "../../src/graph/tensor.ts";
import { runSeeded } from "./ort.ts";

function node(opType: string, inputs: readonly string[], output: string, attributes = {}): Node {
  return {
    name: output,
    opType,
    domain: "",
    inputs,
    outputs: [output],
    attributes: attributesFrom(attributes),
  };
}

export interface QuantiseOptions {
  /** One scale per output channel of a weight; otherwise one per weight. */
  readonly perChannel: boolean;
  /** Activations as uint8 with a zero point; otherwise int8 around zero. */
  readonly unsigned?: boolean;
}

/**
 * A float32 network in QDQ form, as onnxruntime's static quantisation writes it: weights int8, biases int32, and every
 * activation rounded to 8 bits, with scales from one run.
 */
export async function quantised(graph: Graph, options: QuantiseOptions): Promise<Graph> {
  const values = graph.nodes.map((each) => each.outputs[0] ?? "");
  const outputs = values.map((name) => ({ name, type: "float32" as const, shape: null }));
  const ran = await runSeeded({ ...graph, outputs, values: [] }, { batch: 2 });
  const scaleOf = new Map(
    [...ran].map(([name, { data }]) => {
      const most = Array.from(data, Number).reduce(
        (top, value) => Math.max(top, Math.abs(value)),
        1e-3,
      );
      return [name, most / 127] as const;
    }),
  );
  const initializers = new Map(graph.initializers);
  const nodes: Node[] = [];
  const zero = options.unsigned === true ? Uint8Array.of(128) : Uint8Array.of(0);
  initializers.set("zero", tensorFromBytes(options.unsigned === true ? "uint8" : "int8", [], zero));
  const round = (name: string, scale: number): string => {
    initializers.set(`${name}_scale`, floatTensor([], [scale]));
    nodes.push(node("QuantizeLinear", [name, `${name}_scale`, "zero"], `${name}_q`));
    nodes.push(node("DequantizeLinear", [`${name}_q`, `${name}_scale`, "zero"], `${name}_dq`));
    return `${name}_dq`;
  };
  const rounded = new Map(graph.inputs.map(({ name }) => [name, round(name, 3 / 127)]));
  const kept = new Set(graph.outputs.map(({ name }) => name));
  for (const each of graph.nodes) {
    const inputs = each.inputs.map((name, index) => {
      const tensor = graph.initializers.get(name);
      if (tensor === undefined) return rounded.get(name) ?? name;
      const isLayer = hasTrait(each, "layer") && tensor.type === "float32" && index > 0;
      return isLayer ? storeWeight(each, name, tensor, index, options, initializers, nodes) : name;
    });
    nodes.push({ ...each, inputs });
    const [output = ""] = each.outputs;
    if (kept.has(output) || each.outputs.length > 1) continue;
    const follows = graph.nodes.find((reader) => reader.inputs.includes(output));
    // An activation function behind a layer is fused with it: what is rounded is its result.
    if (hasTrait(each, "layer") && follows?.opType === "Relu") continue;
    rounded.set(output, round(output, scaleOf.get(output) ?? 1));
  }
  return checkGraph({ ...graph, nodes, initializers, values: [] });
}

function storeWeight(
  layer: Node,
  name: string,
  tensor: Tensor,
  index: number,
  { perChannel }: QuantiseOptions,
  initializers: Map<string, Tensor>,
  nodes: Node[],
): string {
  const values = numbersOf(tensor)?.values ?? new Float64Array();
  const axis = index === 2 ? 0 : outputAxis(layer);
  const extent = at(tensor.shape, axis);
  const stride = at(stridesOf(tensor.shape), axis);
  const channelOf = (element: number): number =>
    perChannel ? Math.floor(element / stride) % extent : 0;
  const scales = new Float32Array(perChannel ? extent : 1).fill(1e-6);
  const most = index === 2 ? 2 ** 20 : 127;
  values.forEach((value, element) => {
    const channel = channelOf(element);
    scales[channel] = Math.max(at(scales, channel), Math.abs(value) / most);
  });
  const whole = values.map((value, element) => Math.round(value / at(scales, channelOf(element))));
  const type = index === 2 ? "int32" : "int8";
  initializers.delete(name);
  initializers.set(`${name}_q`, tensorOf({ type, shape: tensor.shape, values: whole }));
  initializers.set(`${name}_s`, floatTensor(perChannel ? [extent] : [], scales));
  const inputs = [`${name}_q`, `${name}_s`];
  if (index === 1) {
    initializers.set(
      `${name}_z`,
      tensorFromBytes("int8", perChannel ? [extent] : [], new Uint8Array(perChannel ? extent : 1)),
    );
    inputs.push(`${name}_z`);
  }
  nodes.push(node("DequantizeLinear", inputs, `${name}_dq`, perChannel ? { axis } : {}));
  return `${name}_dq`;
}

function outputAxis(layer: Node): number {
  if (layer.opType === "Conv") return 0;
  if (layer.opType !== "Gemm") return 1;
  const flag = layer.attributes.get("transB");
  return flag?.kind === "int" && flag.value === 1 ? 0 : 1;
}

/** A float32 network whose weights are stored as float16 behind a Cast. */
export function withHalfWeights(graph: Graph): Graph {
  const initializers = new Map(graph.initializers);
  const nodes: Node[] = [];
  const renamed = new Map<string, string>();
  for (const [name, tensor] of graph.initializers) {
    if (tensor.type !== "float32" || elementCount(tensor.shape) < 2) continue;
    initializers.delete(name);
    initializers.set(`${name}_half`, halved(tensor));
    nodes.push(node("Cast", [`${name}_half`], `${name}_whole`, { to: 1 }));
    renamed.set(name, `${name}_whole`);
  }
  const rest = graph.nodes.map((each) => ({
    ...each,
    inputs: each.inputs.map((name) => renamed.get(name) ?? name),
  }));
  return checkGraph({ ...graph, initializers, nodes: [...nodes, ...rest] });
}

/** A float32 network as one of float16 throughout, inputs and outputs included. */
export function inHalf(graph: Graph): Graph {
  const half = (value: Graph["inputs"][number]): Graph["inputs"][number] =>
    value.type === "float32" ? { ...value, type: "float16" } : value;
  return {
    ...graph,
    inputs: graph.inputs.map(half),
    outputs: graph.outputs.map(half),
    values: [],
    initializers: new Map(
      [...graph.initializers].map(([name, tensor]) => [
        name,
        tensor.type === "float32" ? halved(tensor) : tensor,
      ]),
    ),
  };
}

function halved(tensor: Tensor): Tensor {
  const numbers = numbersOf(tensor);
  return numbers === null ? tensor : tensorOf({ ...numbers, type: "float16" });
}
