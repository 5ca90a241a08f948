import type { Graph, Tensor } from "../../graph/graph.ts";
import { nodeId, nodeLabel } from "../../graph/graph.ts";
import { elementCount, floatsOf } from "../../graph/tensor.ts";
import { consumersOf } from "../../graph/traversal.ts";
import type { Layer, Structure } from "../../structure/structure.ts";
import type { Pattern } from "./pattern.ts";

/**
 * A weight whose single elements can be removed, seen as a matrix: a row per output channel; a column per input channel (of a
 * group) and kernel position, the positions of a channel side by side.
 */
export interface SparseWeight {
  /** Name of its initializer. */
  readonly name: string;
  /** Layers that read it: several where weights are tied, which then have one mask. */
  readonly layers: readonly Layer[];
  readonly tensor: Tensor;
  readonly rows: number;
  readonly columns: number;
  /** Kernel positions per input channel; 1 for a matrix. */
  readonly taps: number;
  readonly rowAxis: number;
  readonly inputAxis: number;
}

/** A weight that keeps all elements, and why, for people. */
export interface DenseWeight {
  readonly name: string;
  readonly label: string;
  readonly count: number;
  readonly reason: string;
}

export interface SparseWeights {
  readonly weights: readonly SparseWeight[];
  readonly dense: readonly DenseWeight[];
}

/** What to call the weight in front of people: its first layer. */
export function weightLabel({ layers, name }: Pick<SparseWeight, "layers" | "name">): string {
  return layers[0]?.name ?? name;
}

export function weightCount({ rows, columns }: Pick<SparseWeight, "rows" | "columns">): number {
  return rows * columns;
}

/**
 * The weights of all layers, tied ones once, and those that stay dense: other element types than float32, weights that something
 * else than a layer reads too, quantised ones, and those that a layer takes from a node that computes them.
 */
export function sparseWeights(structure: Structure): SparseWeights {
  const { graph } = structure;
  const byName = new Map<string, Layer[]>();
  for (const layer of structure.layers) {
    byName.set(layer.weight.name, [...(byName.get(layer.weight.name) ?? []), layer]);
  }
  const weights: SparseWeight[] = [];
  const dense: DenseWeight[] = quantised(graph);
  const isQuantised = new Set(dense.map(({ name }) => name));
  for (const [name, layers] of byName) {
    const [layer] = layers;
    const tensor = graph.initializers.get(name);
    if (layer === undefined || isQuantised.has(name)) continue;
    const reason = denseReason(graph, name, tensor, layers);
    if (reason === null && tensor !== undefined)
      weights.push(asMatrix(name, layers, layer, tensor));
    else {
      const count = tensor === undefined ? 0 : elementCount(tensor.shape);
      dense.push({ name, label: layer.name, count, reason: reason ?? "" });
    }
  }
  return { weights, dense };
}

function denseReason(
  graph: Graph,
  name: string,
  tensor: Tensor | undefined,
  layers: readonly Layer[],
): string | null {
  if (tensor === undefined) return "its weight is no initializer";
  if (tensor.type !== "float32") return `its weight is ${tensor.type}, not float32`;
  if (tensor.shape.length < 2) return "its weight is a vector";
  const ids = new Set<string>(layers.map((layer) => layer.id));
  // A Transpose or Identity on the way to a layer only moves the weight.
  const others = (consumersOf(graph).get(name) ?? []).filter(
    (node) => !ids.has(nodeId(node)) && node.opType !== "Transpose" && node.opType !== "Identity",
  );
  const [other] = others;
  return other === undefined ? null : `'${nodeLabel(other)}' (${other.opType}) reads it too`;
}

const QUANTISED = new Set(["QLinearConv", "QLinearMatMul", "ConvInteger", "MatMulInteger"]);
const CONTRACTIONS = new Set(["Conv", "ConvTranspose", "Gemm", "MatMul"]);

function quantised(graph: Graph): DenseWeight[] {
  const dequantised = new Set(
    graph.nodes
      .filter(
        ({ opType, inputs }) =>
          opType === "DequantizeLinear" && graph.initializers.has(inputs[0] ?? ""),
      )
      .flatMap(({ outputs }) => outputs),
  );
  return graph.nodes.flatMap((node): DenseWeight[] => {
    const [, weight = ""] = node.inputs;
    const isQuantised =
      QUANTISED.has(node.opType) || (CONTRACTIONS.has(node.opType) && dequantised.has(weight));
    if (!isQuantised) return [];
    return [{ name: weight, label: nodeLabel(node), count: 0, reason: "its weight is quantised" }];
  });
}

function asMatrix(
  name: string,
  layers: readonly Layer[],
  { weight }: Layer,
  tensor: Tensor,
): SparseWeight {
  const { inputAxis, outputAxis: rowAxis } = weight;
  const rows = tensor.shape[rowAxis] ?? 1;
  const columns = elementCount(tensor.shape) / Math.max(1, rows);
  const taps = columns / Math.max(1, tensor.shape[inputAxis] ?? 1);
  return { name, layers, tensor, rows, columns, taps, rowAxis, inputAxis };
}

/** Why a weight can't have the pattern; null where it can. */
export function patternMisfit(
  { layers, columns, taps, rows }: SparseWeight,
  pattern: Pattern,
  graph: Graph,
): string | null {
  if (pattern.kind === "none") return null;
  const inputs = columns / taps;
  const isTransposed = layers.some((layer) => layer.opType === "ConvTranspose");
  if (isTransposed) return "a transposed convolution has no such pattern";
  if (pattern.kind === "channel-block") {
    const perGroup = rows / (layers[0]?.groups ?? 1);
    return perGroup % pattern.size === 0
      ? null
      : `its ${perGroup} output channels are no multiple of ${pattern.size}`;
  }
  if (layers.some((layer) => layer.groups > 1) && inputs === 1) return "it is depthwise";
  const ends = layers.flatMap((layer) => endOf(graph, layer) ?? []);
  if (ends[0] !== undefined) return ends[0];
  return inputs % pattern.of === 0
    ? null
    : `its ${inputs} input channels are no multiple of ${pattern.of}`;
}

/** The first layer and the classifier stay dense: they are small, and the network is sensitive to them. */
function endOf(graph: Graph, layer: Layer): string | null {
  const node = graph.nodes.find((each) => nodeId(each) === layer.id);
  if (node === undefined) return null;
  if (graph.inputs.some(({ name }) => name === node.inputs[0])) return "it is the first layer";
  let value = layer.id as string;
  for (;;) {
    if (graph.outputs.some(({ name }) => name === value)) return "it gives the network's output";
    const readers = consumersOf(graph).get(value) ?? [];
    const [reader] = readers;
    if (readers.length !== 1 || reader === undefined || !ENDINGS.has(reader.opType)) return null;
    value = reader.outputs[0] ?? "";
  }
}

const ENDINGS = new Set([
  "Softmax",
  "LogSoftmax",
  "Flatten",
  "Reshape",
  "Squeeze",
  "Add",
  "Identity",
]);

/** A tensor's elements as the matrix, rows x columns. */
export function matrixOf(weight: SparseWeight, values = floatsOf(weight.tensor)): Float32Array {
  if (isRowMajor(weight)) return Float32Array.from(values);
  const matrix = new Float32Array(values.length);
  eachPlace(weight, (at, place) => {
    matrix[at] = values[place] ?? 0;
  });
  return matrix;
}

/** The way back: numbers of the matrix in the tensor's order. */
export function inTensorOrder<List extends Float32Array | Uint8Array>(
  weight: SparseWeight,
  matrix: List,
): List {
  if (isRowMajor(weight)) return matrix;
  const values = matrix.slice() as List;
  eachPlace(weight, (at, place) => {
    values[place] = matrix[at] ?? 0;
  });
  return values;
}

function isRowMajor({ rowAxis, inputAxis }: SparseWeight): boolean {
  return rowAxis === 0 && inputAxis === 1;
}

/** Calls with every place of the matrix and the tensor's element there. */
function eachPlace(
  { tensor: { shape }, rows, columns, rowAxis, inputAxis }: SparseWeight,
  call: (at: number, place: number) => void,
): void {
  const strides = shape.map((_, axis) => elementCount(shape.slice(axis + 1)));
  const rest = shape.flatMap((_, axis) => (axis === rowAxis || axis === inputAxis ? [] : [axis]));
  const order = [inputAxis, ...rest];
  const offsets = new Int32Array(columns);
  for (let column = 0; column < columns; column += 1) {
    let left = column;
    let offset = 0;
    for (const axis of [...order].reverse()) {
      const extent = shape[axis] ?? 1;
      offset += (left % extent) * (strides[axis] ?? 0);
      left = Math.floor(left / extent);
    }
    offsets[column] = offset;
  }
  for (let row = 0; row < rows; row += 1) {
    const start = row * (strides[rowAxis] ?? 0);
    for (let column = 0; column < columns; column += 1)
      call(row * columns + column, start + (offsets[column] ?? 0));
  }
}
