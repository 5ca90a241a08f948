/**
 * Rewrites attention so that the columns of queries and keys, and of values and the layer behind them, stand in the basis of their
 * singular vectors: the same network, in which the first columns of every head matter most. Only weights and biases change.
 */
import { Matrix } from "ml-matrix";
import { constantOf } from "../../graph/constants.ts";
import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import { nodeId, nodeLabel } from "../../graph/graph.ts";
import { floatsOf, floatTensor } from "../../graph/tensor.ts";
import { consumersOf, producerOf } from "../../graph/traversal.ts";
import type { AxisUnits, Layer, Structure } from "../../structure/structure.ts";
import { findPairs, type Maker, type Pair, type Reader } from "./find-attention.ts";
import { type MomentRoot, newBasis, WHITE } from "./head-basis.ts";

export interface Rebased {
  readonly graph: Graph;
  /** Per product of attention that was rewritten. */
  readonly pairs: readonly RebasedPair[];
  /** Those that were left as they are, and why. */
  readonly refused: readonly { readonly node: string; readonly reason: string }[];
}

export interface RebasedPair {
  readonly node: string;
  readonly kind: "scores" | "values";
  /** Groups of heads that share columns; heads where each has its own. */
  readonly groups: number;
  readonly columns: number;
  /** Share of the sum of squared singular values that the first half of the columns has, mean over the groups. */
  readonly halfShare: number;
}

/**
 * @param rootOf the root of the second moment of a value that layers read (with a row for the constant 1 at the end); null where it
 * isn't known: then all directions count alike
 */
export function rebaseGraph(
  structure: Structure,
  rootOf: (value: string, withOne: boolean) => MomentRoot | null = () => null,
): Rebased {
  const edits = createEdits(structure.graph);
  const pairs: RebasedPair[] = [];
  const refused: { node: string; reason: string }[] = [];
  for (const pair of findPairs(structure)) {
    const shared = pair.kind === "refused" ? null : sharedWeight(structure.graph, pair);
    if (pair.kind === "refused") refused.push({ node: nodeLabel(pair.node), reason: pair.reason });
    else if (shared !== null) refused.push({ node: nodeLabel(pair.node), reason: shared });
    else pairs.push(rebasePair(pair, edits, rootOf));
  }
  return { graph: edits.graph(), pairs, refused };
}

type Found = Exclude<Pair, { readonly kind: "refused" }>;

function sharedWeight(graph: Graph, { left, right }: Found): string | null {
  for (const { layer } of [left, right]) {
    const readers = consumersOf(graph).get(layer.weight.name) ?? [];
    if (readers.length > 1) return `several layers share the weight '${layer.weight.name}'`;
  }
  return null;
}

function rebasePair(
  pair: Found,
  edits: Edits,
  rootOf: (value: string, withOne: boolean) => MomentRoot | null,
): RebasedPair {
  const own = keysOf(pair.left.units, pair.right.units);
  const shares: number[] = [];
  const left = makerMatrix(edits, pair.left);
  const leftRoot = rootOf(pair.left.node.inputs[0] ?? "", left.bias !== null) ?? WHITE;
  const right =
    pair.kind === "scores" ? makerMatrix(edits, pair.right) : readerMatrix(edits, pair.right);
  const rightRoot =
    pair.kind === "scores"
      ? (rootOf(pair.right.node.inputs[0] ?? "", right.bias !== null) ?? WHITE)
      : WHITE;
  let columns = 0;
  for (const { lefts, rights } of own) {
    // Heads of one group stand below each other: they share the columns.
    const stacked = (side: Side, root: MomentRoot, lists: readonly (readonly number[])[]): Matrix =>
      stack(lists.map((list) => root.times(side.columns(list))));
    const a = stacked(left, leftRoot, lefts);
    const b = stacked(right, rightRoot, rights);
    const basis = newBasis(a, b, WHITE, WHITE);
    const put = (
      side: Side,
      root: MomentRoot,
      lists: readonly (readonly number[])[],
      made: Matrix,
    ): void => {
      const rows = made.rows / lists.length;
      lists.forEach((list, at) => {
        const part = made.subMatrix(at * rows, (at + 1) * rows - 1, 0, made.columns - 1);
        side.put(list, root.inverseTimes(part));
      });
    };
    put(left, leftRoot, lefts, basis.left);
    put(right, rightRoot, rights, basis.right);
    const squares = basis.singularValues.map((value) => value * value);
    columns = squares.length;
    const sum = (list: readonly number[]): number => list.reduce((total, each) => total + each, 0);
    shares.push(sum(squares.slice(0, Math.ceil(columns / 2))) / Math.max(sum(squares), 1e-30));
  }
  left.write();
  right.write();
  return {
    node: nodeLabel(pair.node),
    kind: pair.kind,
    groups: own.length,
    columns,
    halfShare: shares.reduce((total, each) => total + each, 0) / Math.max(1, shares.length),
  };
}

/** Per group of heads that share their columns: positions of the columns on both sides, one list per head. */
function keysOf(
  left: AxisUnits,
  right: AxisUnits,
): readonly {
  readonly lefts: readonly (readonly number[])[];
  readonly rights: readonly (readonly number[])[];
}[] {
  const [leftDims, rightDims] = [dimsOf(left), dimsOf(right)];
  // The columns are the dim that both sides have and that is the innermost: heads come before.
  const columnDim = leftDims.filter((dim) => rightDims.includes(dim)).at(-1) ?? -1;
  const shared = leftDims.filter((dim) => rightDims.includes(dim) && dim !== columnDim);
  const heads = (units: AxisUnits): Map<string, Map<string, number[]>> => {
    const groups = new Map<string, Map<string, number[]>>();
    for (let index = 0; index < units.length; index += 1) {
      const at = new Map(
        units.levels.map(({ dims, units: own }) => [dims[index] ?? -1, own[index] ?? -1]),
      );
      const group = shared.map((dim) => at.get(dim)).join();
      const others = [...at].filter(
        ([dim]) => dim >= 0 && dim !== columnDim && !shared.includes(dim),
      );
      const head = others.map(([, unit]) => unit).join();
      const ofGroup = groups.get(group) ?? new Map<string, number[]>();
      groups.set(group, ofGroup);
      const list = ofGroup.get(head) ?? [];
      ofGroup.set(head, list);
      // Units of a rotary pair take several columns; those are refused before.
      list[at.get(columnDim) ?? 0] = index;
    }
    return groups;
  };
  const [lefts, rights] = [heads(left), heads(right)];
  return [...lefts].map(([group, list]) => ({
    lefts: [...list.values()],
    rights: [...(rights.get(group)?.values() ?? [])],
  }));
}

function dimsOf({ levels }: AxisUnits): readonly number[] {
  return [...new Set(levels.flatMap(({ dims }) => [...dims]))].filter((dim) => dim >= 0);
}

function stack(parts: readonly Matrix[]): Matrix {
  return new Matrix(parts.flatMap((part) => part.to2DArray()));
}

/** A weight (and bias, as its last row) as a matrix with one column per position, to be read and written. */
interface Side {
  readonly bias: unknown;
  readonly columns: (positions: readonly number[]) => Matrix;
  readonly put: (positions: readonly number[], values: Matrix) => void;
  readonly write: () => void;
}

function makerMatrix(edits: Edits, maker: Maker): Side {
  const weight = edits.weight(maker.layer, "made");
  const bias = maker.bias === null ? null : edits.vector(maker.bias.node, maker.bias.input);
  const rows = weight.rows;
  const channel = (position: number): number => maker.channels[position] ?? 0;
  return {
    bias,
    columns: (positions) => {
      const result = Matrix.zeros(rows + (bias === null ? 0 : 1), positions.length);
      positions.forEach((position, column) => {
        for (let row = 0; row < rows; row += 1) {
          result.set(row, column, weight.get(row, channel(position)));
        }
        if (bias !== null) result.set(rows, column, bias.values[channel(position)] ?? 0);
      });
      return result;
    },
    put: (positions, values) => {
      positions.forEach((position, column) => {
        for (let row = 0; row < rows; row += 1) {
          weight.set(row, channel(position), values.get(row, column));
        }
        if (bias !== null) bias.values[channel(position)] = values.get(rows, column);
      });
    },
    write: () => {
      weight.write();
      bias?.write();
    },
  };
}

function readerMatrix(edits: Edits, reader: Reader): Side {
  const weight = edits.weight(reader.layer, "read");
  return {
    bias: null,
    columns: (positions) => {
      const result = Matrix.zeros(weight.rows, positions.length);
      positions.forEach((position, column) => {
        for (let row = 0; row < weight.rows; row += 1) {
          result.set(row, column, weight.get(row, position));
        }
      });
      return result;
    },
    put: (positions, values) => {
      positions.forEach((position, column) => {
        for (let row = 0; row < weight.rows; row += 1) {
          weight.set(row, position, values.get(row, column));
        }
      });
    },
    write: weight.write,
  };
}

interface Edits {
  /** `made`: one column per output channel; `read`: one column per input channel. */
  readonly weight: (
    layer: Layer,
    side: "made" | "read",
  ) => {
    readonly rows: number;
    readonly get: (row: number, column: number) => number;
    readonly set: (row: number, column: number, value: number) => void;
    readonly write: () => void;
  };
  readonly vector: (
    node: Node,
    input: number,
  ) => { readonly values: Float64Array; readonly write: () => void };
  readonly graph: () => Graph;
}

/** Weights that change, in float64 until they are written; several products may change parts of one weight. */
function createEdits(graph: Graph): Edits {
  const tensors = new Map<string, Tensor>();
  const open = new Map<string, Float64Array>();
  // One array per tensor: queries, keys and values may be columns of one matrix.
  const valuesOf = (name: string, tensor: Tensor | null): Float64Array => {
    const known = open.get(name);
    if (known !== undefined) return known;
    const values = Float64Array.from(tensor === null ? [] : floatsOf(tensor));
    open.set(name, values);
    return values;
  };
  const current = (name: string): Tensor | null => tensors.get(name) ?? constantOf(graph, name);
  const inputs = new Map<string, Map<number, string>>();
  return {
    weight: ({ weight: { name, inputAxis, outputAxis } }, side) => {
      const tensor = current(name);
      const shape = tensor?.shape ?? [0, 0];
      const values = valuesOf(name, tensor);
      const [rowAxis, columnAxis] =
        side === "made" ? [inputAxis, outputAxis] : [outputAxis, inputAxis];
      const stride = (axis: number): number => (axis === 0 ? (shape[1] ?? 1) : 1);
      const place = (row: number, column: number): number =>
        row * stride(rowAxis) + column * stride(columnAxis);
      return {
        rows: shape[rowAxis] ?? 0,
        get: (row, column) => values[place(row, column)] ?? 0,
        set: (row, column, value) => {
          values[place(row, column)] = value;
        },
        write: () => {
          tensors.set(name, floatTensor(shape, values));
        },
      };
    },
    vector: (node, input) => {
      const old = inputs.get(nodeId(node))?.get(input) ?? node.inputs[input] ?? "";
      const tensor = current(old);
      const isShared = (consumersOf(graph).get(old) ?? []).length > 1;
      const name = isShared ? `${nodeId(node)}_bias` : old;
      const values = valuesOf(name, tensor);
      return {
        values,
        write: () => {
          tensors.set(name, floatTensor([values.length], values));
          if (name === old) return;
          const own = inputs.get(nodeId(node)) ?? new Map<number, string>();
          inputs.set(nodeId(node), own.set(input, name));
        },
      };
    },
    graph: () => {
      const constants = producerOf(graph);
      const nodes = graph.nodes.map((node) => {
        const changed = inputs.get(nodeId(node));
        const tensor = node.opType === "Constant" ? tensors.get(nodeId(node)) : undefined;
        if (tensor !== undefined) {
          return {
            ...node,
            attributes: new Map([["value", { kind: "tensor" as const, value: tensor }]]),
          };
        }
        if (changed === undefined) return node;
        return { ...node, inputs: node.inputs.map((name, at) => changed.get(at) ?? name) };
      });
      const initializers = new Map(graph.initializers);
      for (const [name, tensor] of tensors)
        if (!constants.has(name)) initializers.set(name, tensor);
      return { ...graph, nodes, initializers };
    },
  };
}
