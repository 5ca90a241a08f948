import { VerificationError } from "../../core/errors.ts";
import type { Graph, Node, Tensor } from "../../graph/graph.ts";
import { floatsOf, floatTensor } from "../../graph/tensor.ts";
import { type Model, modelLabel, withGraph } from "../../onnx/model.ts";
import { parseModel } from "../../onnx/read.ts";
import { serializeModel } from "../../onnx/write.ts";
import { compareOutputs } from "../../runtime/compare.ts";
import { randomFeeds } from "../../runtime/feeds.ts";
import { openSession } from "../../runtime/session.ts";
import type { Structure } from "../../structure/structure.ts";
import type { Masks } from "./mask.ts";
import { inTensorOrder, type SparseWeight, weightLabel } from "./weights.ts";

export interface SparseProofOptions {
  readonly seed: number;
  /** Random inputs; 2 unless given. */
  readonly runs?: number | undefined;
  readonly threads?: number | undefined;
}

/** What was proven of a sparse network's file. */
export interface SparseProof {
  /** Weights whose zeros were counted, and zeros where their masks say so. */
  readonly weights: number;
  readonly zeros: number;
  /** Initializers that came back from the file's bytes as they were computed, to the bit. */
  readonly constants: number;
  readonly runs: number;
  readonly seed: number;
  /** Largest relative difference of outputs to those of the masked original. */
  readonly maxRelative: number;
  readonly identical: boolean;
}

const LIMIT = 1e-5;

/**
 * Proves a sparse network from the bytes of its file, which are read again:
 *
 * 1. every weight is zero where its mask says so, and every constant is what was computed, bit by bit;
 * 2. the masked original gives the same outputs on random inputs: the network whose weights hold the original's numbers where
 *    the mask removes them, times the mask as an operation of the network.
 *
 * @param computed the network that was to be written
 * @param original weights by name, before anything was removed
 * @throws VerificationError `sparsify/not-zero`, `sparsify/not-as-computed`, `sparsify/outputs-differ`
 */
export async function proveSparse(
  model: Model,
  file: Uint8Array,
  computed: Graph,
  original: ReadonlyMap<string, Tensor>,
  weights: readonly SparseWeight[],
  masks: Masks,
  structure: Structure,
  { seed, runs = 2, threads = 1 }: SparseProofOptions,
): Promise<SparseProof> {
  const where = modelLabel(model);
  const written = parseModel(file, { where, folder: null }, { checkShapes: false });
  const zeros = checkZeros(written.graph, weights, masks, where);
  const constants = checkConstants(computed, written.graph, where);
  const masked = withGraph(model, maskedByNodes(computed, original, weights, masks));
  const shapes = Object.fromEntries(
    structure.graph.inputs.map(({ name }) => [name, structure.shapes.of(name) ?? []]),
  );
  const reference = await openSession(Buffer.concat(serializeModel(masked)), { threads, where });
  let [maxRelative, identical] = [0, true];
  try {
    const session = await openSession(file, { threads, where });
    try {
      for (let run = 0; run < runs; run += 1) {
        const feeds = randomFeeds(reference.inputs, { seed: seed + run, shapes });
        const apart = compareOutputs(await reference.run(feeds), await session.run(feeds));
        maxRelative = Math.max(maxRelative, apart.maxRelative);
        identical &&= apart.identical;
      }
    } finally {
      await session.close();
    }
  } finally {
    await reference.close();
  }
  if (!(maxRelative <= LIMIT)) {
    throw refused(
      "outputs-differ",
      `The sparse network differs from the masked original by ${maxRelative.toExponential(2)} of the largest output; at most ${LIMIT} is allowed.`,
      where,
    );
  }
  return { weights: weights.length, zeros, constants, runs, seed, maxRelative, identical };
}

function checkZeros(
  graph: Graph,
  weights: readonly SparseWeight[],
  masks: Masks,
  where: string,
): number {
  let zeros = 0;
  for (const weight of weights) {
    const mask = masks.get(weight.name);
    const tensor = graph.initializers.get(weight.name);
    if (mask === undefined) continue;
    const bits = inTensorOrder(weight, mask);
    const values = tensor === undefined ? new Float32Array() : floatsOf(tensor);
    const wrong = values.findIndex((value, at) => bits[at] === 0 && value !== 0);
    if (values.length !== bits.length || wrong !== -1) {
      throw refused(
        "not-zero",
        values.length === bits.length
          ? `Element ${wrong} of '${weight.name}' is ${values[wrong]} in the written network; its mask removes it.`
          : `'${weight.name}' has ${values.length} elements in the written network, not ${bits.length}.`,
        `${where}, layer '${weightLabel(weight)}'`,
      );
    }
    for (const bit of bits) zeros += 1 - bit;
  }
  return zeros;
}

function checkConstants(computed: Graph, written: Graph, where: string): number {
  for (const [name, tensor] of computed.initializers) {
    const found = written.initializers.get(name);
    if (found !== undefined && isSame(tensor, found)) continue;
    throw refused(
      "not-as-computed",
      `'${name}' ${found === undefined ? "is missing in" : "comes back otherwise from"} the written network.`,
      where,
    );
  }
  return computed.initializers.size;
}

/** The network with the original's numbers back where the masks remove them, and the masks as factors in the network. */
function maskedByNodes(
  computed: Graph,
  original: ReadonlyMap<string, Tensor>,
  weights: readonly SparseWeight[],
  masks: Masks,
): Graph {
  const initializers = new Map(computed.initializers);
  const factors: Node[] = [];
  const renamed = new Map<string, string>();
  for (const weight of weights) {
    const mask = masks.get(weight.name);
    const tensor = initializers.get(weight.name);
    if (mask === undefined || tensor === undefined) continue;
    const bits = inTensorOrder(weight, mask);
    const before = floatsOf(original.get(weight.name) ?? tensor);
    const values = floatsOf(tensor).map((value, at) =>
      bits[at] === 0 ? (before[at] ?? 0) : value,
    );
    const [mixed, factor, output] = ["mixed", "mask", "masked"].map(
      (role) => `${weight.name}/mdp_${role}`,
    ) as [string, string, string];
    initializers.delete(weight.name);
    initializers.set(mixed, floatTensor(tensor.shape, values));
    initializers.set(factor, floatTensor(tensor.shape, Float32Array.from(bits)));
    factors.push({
      ...{ name: output, opType: "Mul", domain: "", inputs: [mixed, factor] },
      ...{ outputs: [output], attributes: new Map() },
    });
    renamed.set(weight.name, output);
  }
  const nodes = computed.nodes.map((node) =>
    node.inputs.some((name) => renamed.has(name))
      ? { ...node, inputs: node.inputs.map((name) => renamed.get(name) ?? name) }
      : node,
  );
  return { ...computed, initializers, nodes: [...factors, ...nodes] };
}

function refused(what: string, message: string, where: string): VerificationError {
  return new VerificationError({
    code: `sparsify/${what}`,
    message,
    where,
    hint: "Nothing was written. This is a fault of mdp itself: please report it with the command and the network.",
  });
}

/** Type, shape and every bit. */
function isSame(left: Tensor, right: Tensor): boolean {
  if (left.type !== right.type || left.byteLength !== right.byteLength) return false;
  if (left.shape.join() !== right.shape.join()) return false;
  return Buffer.compare(left.bytes(), right.bytes()) === 0;
}
