import { type Random, shuffled } from "../../src/core/random.ts";
import { constantOf } from "../../src/graph/constants.ts";
import type { Attribute, Graph, Node, Tensor } from "../../src/graph/graph.ts";
import { bytesPerElement, floatsOf, floatTensor } from "../../src/graph/tensor.ts";
import type { Structure } from "../../src/structure/structure.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { isBlockGone, type Subnet } from "../../src/subnet/subnet.ts";

/** A subnet's right cut, to be made wrong. */
export interface RightCut {
  readonly structure: Structure;
  readonly subnet: Subnet;
  readonly cut: Graph;
}

/** Makes a cut wrong in one way at a random place; null where the network has nothing to do it to. */
export type Sabotage = (right: RightCut, random: Random) => Graph | null;

/** Ways in which surgery could go wrong, by name. */
export const SABOTAGES = {
  "two output channels of a weight swapped": ({ cut }, random) =>
    onWeight(cut, random, (tensor) => swapped(tensor, 0, random)),
  "two input channels of a weight swapped": ({ cut }, random) =>
    onWeight(cut, random, (tensor) => swapped(tensor, 1, random)),
  "a layer's input shifted by one channel": ({ cut }, random) =>
    onWeight(cut, random, (tensor) => rolled(tensor, 1)),
  "a layer's output shifted by one channel": ({ cut }, random) =>
    onWeight(cut, random, (tensor) => rolled(tensor, 0)),
  "one element of a weight with the other sign": ({ cut }, random) =>
    onWeight(cut, random, (tensor) => changed(tensor, random, (value) => -value)),
  "one weight off by a thousandth of itself": ({ cut }, random) =>
    onWeight(cut, random, (tensor) => changed(tensor, random, (value) => 1.001 * value)),
  "one bias off by 0.001": ({ cut }, random) =>
    onParameter(cut, random, ["Conv", "Gemm"], 2, (tensor) =>
      changed(tensor, random, (value) => value + 1e-3),
    ),
  "one shift of a normalisation off by 0.001": ({ cut }, random) =>
    onParameter(cut, random, ["BatchNormalization"], 2, (tensor) =>
      changed(tensor, random, (value) => value + 1e-3),
    ),
  "means of a normalisation shifted by one channel": ({ cut }, random) =>
    onParameter(cut, random, ["BatchNormalization"], 3, (tensor) => rolled(tensor, 0)),
  "variances of a normalisation shifted by one channel": ({ cut }, random) =>
    onParameter(cut, random, ["BatchNormalization"], 4, (tensor) => rolled(tensor, 0)),
  "another epsilon": ({ cut }, random) =>
    onNode(cut, random, "BatchNormalization", (node) =>
      withAttribute(node, "epsilon", { kind: "float", value: 1e-3 }),
    ),
  "a channel's weights all zero": ({ cut }, random) =>
    onWeight(cut, random, (tensor) => zeroedRow(tensor, random)),
  "another group": ({ cut }, random) => otherGroups(cut, random),
  "the units of one dim shifted by one": ({ structure, subnet }, random) =>
    otherUnits(structure, subnet, random),
  "a dropped block kept": ({ structure, subnet }) =>
    subnet.droppedBlocks.length === 0
      ? null
      : cutGraph(structure, { ...subnet, droppedBlocks: subnet.droppedBlocks.slice(1) }),
  "a block dropped that was to stay": ({ structure, subnet }, random) => {
    const staying = structure.blocks.filter(({ index }) => !isBlockGone(structure, subnet, index));
    const [block] = shuffled(staying, random);
    if (block === undefined) return null;
    const droppedBlocks = [...subnet.droppedBlocks, block.index].sort((a, b) => a - b);
    return cutGraph(structure, { ...subnet, droppedBlocks });
  },
  "a dropped layer kept": ({ structure, subnet }) =>
    subnet.droppedLayers.length === 0
      ? null
      : cutGraph(structure, { ...subnet, droppedLayers: subnet.droppedLayers.slice(1) }),
  "an activation left out": ({ cut }, random) =>
    onNode(cut, random, "Relu", (node) => ({ ...node, opType: "Identity" })),
  "the parts of a Concat in another order": ({ cut }, random) =>
    onNode(cut, random, "Concat", (node) => ({ ...node, inputs: [...node.inputs].reverse() })),
  "padding moved by one pixel": ({ cut }, random) =>
    onNode(cut, random, "Conv", (node) => {
      const pads = node.attributes.get("pads");
      if (pads?.kind !== "ints" || !pads.value.some((pad) => pad > 0)) return null;
      const moved = pads.value.map((pad, at) => (at < pads.value.length / 2 ? pad - 1 : pad + 1));
      return withAttribute(node, "pads", { kind: "ints", value: moved });
    }),
} as const satisfies Readonly<Record<string, Sabotage>>;

const LAYERS = ["Conv", "Gemm", "MatMul", "ConvTranspose"];

function onWeight(
  cut: Graph,
  random: Random,
  change: (tensor: Tensor) => Tensor | null,
): Graph | null {
  return onParameter(cut, random, LAYERS, 1, change);
}

/** Changes a constant that is a given input of a random node of some types. */
function onParameter(
  cut: Graph,
  random: Random,
  types: readonly string[],
  input: number,
  change: (tensor: Tensor) => Tensor | null,
): Graph | null {
  const nodes = cut.nodes.filter((node) => types.includes(node.opType));
  for (const node of shuffled(nodes, random)) {
    const name = node.inputs[input] ?? "";
    const tensor = cut.initializers.get(name);
    const next = tensor?.type === "float32" ? change(tensor) : null;
    if (next !== null) return { ...cut, initializers: new Map(cut.initializers).set(name, next) };
  }
  return null;
}

function onNode(
  cut: Graph,
  random: Random,
  opType: string,
  change: (node: Node) => Node | null,
): Graph | null {
  for (const node of shuffled(cut.nodes, random)) {
    const next = node.opType === opType ? change(node) : null;
    if (next !== null) {
      return { ...cut, nodes: cut.nodes.map((other) => (other === node ? next : other)) };
    }
  }
  return null;
}

function withAttribute(node: Node, name: string, attribute: Attribute): Node {
  return { ...node, attributes: new Map(node.attributes).set(name, attribute) };
}

/** The tensor with the indices of one axis in another order. */
function reordered(tensor: Tensor, axis: number, order: readonly number[]): Tensor {
  const size = bytesPerElement(tensor.type);
  const run = tensor.shape.slice(axis + 1).reduce((a, b) => a * b, size);
  const length = tensor.shape[axis] ?? 1;
  const source = tensor.bytes();
  const bytes = new Uint8Array(source.byteLength);
  for (let row = 0; row < source.byteLength; row += length * run) {
    order.forEach((from, to) => {
      bytes.set(source.subarray(row + from * run, row + (from + 1) * run), row + to * run);
    });
  }
  return { ...tensor, bytes: () => bytes };
}

function indicesOf(tensor: Tensor, axis: number): number[] {
  return Array.from({ length: tensor.shape[axis] ?? 1 }, (_, index) => index);
}

function swapped(tensor: Tensor, axis: number, random: Random): Tensor | null {
  const order = indicesOf(tensor, axis);
  const [one, two] = shuffled(order, random);
  if (one === undefined || two === undefined) return null;
  [order[one], order[two]] = [two, one];
  return reordered(tensor, axis, order);
}

function rolled(tensor: Tensor, axis: number): Tensor | null {
  const [first, ...rest] = indicesOf(tensor, axis);
  return first === undefined || rest.length === 0
    ? null
    : reordered(tensor, axis, [...rest, first]);
}

/** One element that is not nearly zero is changed. */
function changed(tensor: Tensor, random: Random, change: (value: number) => number): Tensor | null {
  const values = floatsOf(tensor).slice();
  const large = Math.sqrt(values.reduce((sum, value) => sum + value * value, 0) / values.length);
  const candidates = [...values.keys()].filter((at) => Math.abs(values[at] ?? 0) >= large);
  const at = candidates[random.integer(candidates.length)];
  if (at === undefined) return null;
  values[at] = change(values[at] ?? 0);
  return floatTensor(tensor.shape, values);
}

function zeroedRow(tensor: Tensor, random: Random): Tensor {
  const values = floatsOf(tensor).slice();
  const run = values.length / (tensor.shape[0] ?? 1);
  const row = random.integer(tensor.shape[0] ?? 1);
  values.fill(0, row * run, (row + 1) * run);
  return floatTensor(tensor.shape, values);
}

/** The kernels of one group of a grouped convolution are those of another one. */
function otherGroups(cut: Graph, random: Random): Graph | null {
  for (const node of shuffled(cut.nodes, random)) {
    const group = node.attributes.get("group");
    const name = node.inputs[1] ?? "";
    const tensor = constantOf(cut, name);
    const groups = group?.kind === "int" ? group.value : 1;
    if (node.opType !== "Conv" || groups < 2 || tensor === null) continue;
    const all = indicesOf(tensor, 0);
    const width = all.length / groups;
    const order = [...all.slice(width), ...all.slice(0, width)];
    const initializers = new Map(cut.initializers).set(name, reordered(tensor, 0, order));
    return { ...cut, initializers };
  }
  return null;
}

/** The right cut of another subnet of the same widths. */
function otherUnits(structure: Structure, subnet: Subnet, random: Random): Graph | null {
  const shifted = (kept: readonly number[], size: number): readonly number[] =>
    kept.map((unit) => (unit + 1) % size).sort((a, b) => a - b);
  const candidates = structure.dims.filter(
    (dim) =>
      dim.pinned === null &&
      !isBlockGone(structure, subnet, dim.block) &&
      (subnet.kept[dim.index]?.length ?? 0) < dim.size,
  );
  const [dim] = shuffled(candidates, random);
  if (dim === undefined) return null;
  const kept = subnet.kept.map((units, index) =>
    index === dim.index ? shifted(units, dim.size) : units,
  );
  try {
    return cutGraph(structure, { ...subnet, kept });
  } catch {
    // A dropped layer ties this dim to another one.
    return null;
  }
}
