/**
 * Progressive gates after UPop (Shi et al., 2301.13741) with the search loss of a distillation between modalities, written anew from the published formulas:
 *
 *   1/2 [CE(q_i2t, p_i2t) + CE(q_t2i, p_t2i)],  q = 0.4 * momentum's + 0.6 * teacher's similarities
 *   + 1/2 [MSE of image embeddings + MSE of text embeddings] + 1/2 MSE of the similarities, both ways + w * sum of |g|
 *
 * and, because this network has a fusion, MSE of the fused representation over its variance and KL of the answers. A gate g on every prunable unit; at step t
 * the units of the largest summed d loss / dg (standardised per kind of unit) that make up a share p_t of the cost have g = 1 - p_t / p, all others 1; p_t
 * rises by a quarter of a cosine to p. Weights stay as they are: every row of the comparison starts from the same ones.
 */
import { captionPairs } from "../../src/data/drawn/captions.ts";
import { differentiate } from "../../src/gradients/differentiate.ts";
import {
  appended,
  distillation,
  meanSquare,
  softCrossEntropy,
  weightedSum,
} from "../../src/gradients/losses.ts";
import { matMul, matrixTranspose, scale } from "../../src/gradients/ops.ts";
import { parametersAsInputs } from "../../src/gradients/parameters.ts";
import { staticGraph } from "../../src/gradients/static-graph.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { openGraph } from "../../src/importance/data/feed.ts";
import type { Importance } from "../../src/importance/importance.ts";
import {
  type GatedNetwork,
  gatedNetwork,
  type UnitGate,
} from "../../src/importance/sensitivity/gated.ts";
import type { OpenNetwork } from "../../src/pipeline/open/network.ts";
import type { Feed, Feeds } from "../../src/runtime/session.ts";
import { denseUnits, macCount } from "../../src/structure/counts.ts";
import type { Structure } from "../../src/structure/structure.ts";
import { feedsOf, floats, product } from "./pairs.ts";

const BATCH = 64;
const STEPS = 120;
const TEMPERATURE = 0.07;
const MOMENTUM = 0.9;
const SPARSITY = 1e-4;

/** Factors by dim and unit. */
type Gates = readonly Float64Array[];

/** Scores of 1 for the units that the gates leave within a share of the MACs, next to nothing for the others: the program rounds widths and no more. */
export async function progressiveGates(
  { model, structure, hash }: OpenNetwork,
  share: number,
  seed: number,
): Promise<Importance> {
  const network = gatedNetwork(structure);
  const names = structure.graph.outputs.map(({ name }) => name);
  const open: Graph = {
    ...network.graph,
    inputs: structure.graph.inputs,
    outputs: names.map((name) => ({ name, type: "float32", shape: null })),
    initializers: new Map([
      ...network.graph.initializers,
      ...Object.entries(maskFeeds(structure, network, ones(structure))).map(
        ([name, feed]) => [name, floatTensor(feed.shape, floats(feed))] as const,
      ),
    ]),
  };
  const fixed = staticGraph(open, { batch: BATCH });
  const all = [...network.gates.units.flatMap(gateInputs), ...network.gates.parts];
  const present = all.filter((name) => fixed.initializers.has(name));
  const watched = network.gates.units.filter(({ name }) => fixed.initializers.has(name));
  const lossy = searchLoss(fixed);
  const made = differentiate(lossy.graph, {
    loss: lossy.loss,
    withRespectTo: watched.map(({ name }) => name),
  });
  const outputs = [...made.gradients.values()].map((name) => ({
    ...{ name, type: "float32" as const, shape: null },
  }));
  const trained = parametersAsInputs({ ...made.graph, outputs }, present);
  const session = await openGraph(model, trained, 1);
  const answers = await openGraph(model, parametersAsInputs(fixed, present), 1);
  const draw = captionPairs({ seed: 1, split: "train" });
  const known = (gates: Gates): Feeds => only(maskFeeds(structure, network, gates), present);
  const summed = ones(structure).map((gate) => gate.fill(0));
  const slow = ones(structure);
  let gates: Gates = ones(structure);
  for (let step = 0; step < STEPS; step += 1) {
    const pairs = Array.from({ length: BATCH }, (_, at) =>
      draw((seed * 4096 + Math.floor(step / 2) * BATCH + at) % 8000),
    );
    const feeds = feedsOf(pairs, step % 2 === 0 ? "caption" : "question");
    const teacher = await answers.run({ ...feeds, ...known(ones(structure)) });
    const momentum = await answers.run({ ...feeds, ...known(slow) });
    const taught = teacherFeeds(teacher, momentum);
    const found = await session.run({ ...feeds, ...known(gates), ...taught });
    for (const gate of watched) {
      const gradient = floats(found[made.gradients.get(gate.name) ?? ""]);
      addGradients(gate, gradient, gates, summed);
    }
    for (const own of summed) for (const at of own.keys()) own[at] = (own[at] ?? 0) + SPARSITY;
    const fraction = Math.sqrt((1 - Math.cos((Math.PI * (step + 1)) / STEPS)) / 2);
    gates = shrunk(structure, summed, (1 - share) * fraction, 1 - fraction);
    for (const [dim, own] of slow.entries()) {
      for (const unit of own.keys()) {
        own[unit] = MOMENTUM * (own[unit] ?? 1) + (1 - MOMENTUM) * (gates[dim]?.[unit] ?? 1);
      }
    }
    if ((step + 1) % 20 === 0) process.stderr.write(`gates: step ${step + 1}/${STEPS}\n`);
  }
  await session.close();
  await answers.close();
  return chosen(structure, summed, { share, seed, hash });
}

function ones(structure: Structure): Gates {
  return structure.dims.map(({ size }) => new Float64Array(size).fill(1));
}

function gateInputs({ name, ratio }: UnitGate): readonly string[] {
  return ratio === null ? [name] : [name, ratio];
}

function only(feeds: Feeds, names: readonly string[]): Feeds {
  return Object.fromEntries(names.flatMap((name) => (feeds[name] ? [[name, feeds[name]]] : [])));
}

/** What the gated network is fed for factors: their products along every axis. */
function maskFeeds(
  { dims }: Structure,
  { gates: { units, parts } }: GatedNetwork,
  gates: Gates,
): Readonly<Record<string, Feed>> {
  const feeds: Record<string, Feed> = {};
  for (const { name, shape, units: axis, ratio } of units) {
    const data = Float32Array.from({ length: axis.length }, (_, at) =>
      axis.levels.reduce((factor, level) => {
        const dim = level.dims[at] ?? -1;
        const isFree = dims[dim]?.pinned === null;
        return isFree ? factor * (gates[dim]?.[level.units[at] ?? -1] ?? 1) : factor;
      }, 1),
    );
    feeds[name] = { type: "float32", shape, data };
    if (ratio === null) continue;
    const sum = data.reduce((total, factor) => total + factor, 0);
    feeds[ratio] = { type: "float32", shape: [1], data: Float32Array.of(axis.length / sum) };
  }
  for (const name of parts) feeds[name] = { type: "float32", shape: [1], data: Float32Array.of(1) };
  return feeds;
}

/** Chain rule: a mask is the product of the factors of its units. */
function addGradients(
  { units: axis }: UnitGate,
  gradient: Float32Array,
  gates: Gates,
  summed: Gates,
): void {
  for (const [at, value] of gradient.entries()) {
    for (const level of axis.levels) {
      const [dim, unit] = [level.dims[at] ?? -1, level.units[at] ?? -1];
      const own = summed[dim];
      if (own === undefined || unit < 0) continue;
      const others = axis.levels.reduce(
        (factor, other) =>
          other === level
            ? factor
            : factor * (gates[other.dims[at] ?? -1]?.[other.units[at] ?? -1] ?? 1),
        1,
      );
      own[unit] = (own[unit] ?? 0) + value * others;
    }
  }
}

function searchLoss(graph: Graph) {
  const [left, right] = ["image_embed", "text_embed"];
  const similar = appended(graph, "search/similar", (e) =>
    matMul(e, left, matrixTranspose(e, right)),
  );
  const rows = appended(similar.graph, "search/rows", (e) =>
    scale(e, similar.loss, 1 / TEMPERATURE),
  );
  const columns = appended(rows.graph, "search/columns", (e) => matrixTranspose(e, rows.loss));
  const i2t = softCrossEntropy(columns.graph, { logits: rows.loss, targets: "q_i2t" });
  const t2i = softCrossEntropy(i2t.graph, { logits: columns.loss, targets: "q_t2i" });
  const images = meanSquare(t2i.graph, { value: left, target: "taught_left" });
  const texts = meanSquare(images.graph, { value: right, target: "taught_right" });
  const both = meanSquare(texts.graph, { value: similar.loss, target: "taught_similar" });
  const fused = meanSquare(both.graph, { value: "fused", target: "taught_fused" });
  const answers = distillation(fused.graph, { logits: "answer", teacher: "taught_answer" });
  return weightedSum(answers.graph, [
    { loss: i2t.loss, weight: 0.5 },
    { loss: t2i.loss, weight: 0.5 },
    { loss: images.loss, weight: 0.5 },
    { loss: texts.loss, weight: 0.5 },
    // The same matrix both ways.
    { loss: both.loss, weight: 1 },
    { loss: fused.loss, weight: 1 },
    { loss: answers.loss, weight: 1 },
  ]);
}

function teacherFeeds(teacher: Feeds, momentum: Feeds): Feeds {
  const of = (from: Feeds, name: string): Float32Array => floats(from[name]);
  const square = (data: Float32Array): Feed => ({ type: "float32", shape: [BATCH, BATCH], data });
  const [left, right] = [of(teacher, "image_embed"), of(teacher, "text_embed")];
  const similar = products(left, right);
  const own = products(of(momentum, "image_embed"), of(momentum, "text_embed"));
  const mixed = (turn: boolean): Feed => {
    const [theirs, slow] = [similar, own].map((matrix) => softRows(turn ? turned(matrix) : matrix));
    return square(
      Float32Array.from(theirs ?? [], (value, at) => 0.6 * value + 0.4 * (slow?.[at] ?? 0)),
    );
  };
  return {
    q_i2t: mixed(false),
    q_t2i: mixed(true),
    taught_left: teacher["image_embed"] ?? square(left),
    taught_right: teacher["text_embed"] ?? square(right),
    taught_similar: square(similar),
    taught_fused: teacher["fused"] ?? square(left),
    taught_answer: teacher["answer"] ?? square(left),
  };
}

function products(left: Float32Array, right: Float32Array): Float32Array {
  const width = left.length / BATCH;
  return Float32Array.from({ length: BATCH * BATCH }, (_, at) =>
    product(left, Math.floor(at / BATCH), right, at % BATCH, width),
  );
}

function turned(matrix: Float32Array): Float32Array {
  return matrix.map((_, at) => matrix[(at % BATCH) * BATCH + Math.floor(at / BATCH)] ?? 0);
}

function softRows(matrix: Float32Array): Float32Array {
  const result = new Float32Array(matrix.length);
  for (let row = 0; row < BATCH; row += 1) {
    const scores = matrix.subarray(row * BATCH, (row + 1) * BATCH);
    const most = Math.max(...scores);
    const shares = scores.map((score) => Math.exp((score - most) / TEMPERATURE));
    const sum = shares.reduce((total, value) => total + value, 0);
    result.set(
      shares.map((value) => value / sum),
      row * BATCH,
    );
  }
  return result;
}

interface Ranked {
  readonly dim: number;
  readonly unit: number;
  readonly order: number;
  readonly cost: number;
}

/** All free units from the first to go to the last, by their summed gradients, standardised over all units of one kind. */
function ranked(structure: Structure, summed: Gates): readonly Ranked[] {
  const free = structure.dims.filter(({ pinned }) => pinned === null);
  const kindOf = (index: number): string => structure.dims[index]?.role ?? "channels";
  const whole = denseUnits(structure);
  const dense = macCount(structure);
  const statistics = new Map<string, { readonly mean: number; readonly deviation: number }>();
  for (const kind of new Set(free.map(({ index }) => kindOf(index)))) {
    const own = free.filter(({ index }) => kindOf(index) === kind);
    const values = own.flatMap(({ index }) => [...(summed[index] ?? [])]);
    const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
    const variance = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / values.length;
    statistics.set(kind, { mean, deviation: Math.sqrt(variance) || 1 });
  }
  return free
    .flatMap(({ index, size }) => {
      const { mean, deviation } = statistics.get(kindOf(index)) ?? { mean: 0, deviation: 1 };
      const without = whole.map((count, dim) => (dim === index ? count - 1 : count));
      const cost = dense - macCount(structure, { units: without });
      return Array.from({ length: size }, (_, unit) => {
        const order = ((summed[index]?.[unit] ?? 0) - mean) / deviation;
        return { dim: index, unit, order, cost };
      });
    })
    .sort((a, b) => b.order - a.order || a.dim - b.dim || a.unit - b.unit);
}

/** The units that make up a share of all cost, first in order, get the factor; all others 1. */
function shrunk(structure: Structure, summed: Gates, share: number, factor: number): Gates {
  const gates = ones(structure);
  const order = ranked(structure, summed);
  let left = share * order.reduce((sum, { cost }) => sum + cost, 0);
  for (const { dim, unit, cost } of order) {
    left -= cost;
    if (left < 0) break;
    const own = gates[dim];
    // A dim that is gone would make every other gate of its branch mean nothing.
    const stays = own?.reduce((count, value) => count + (value === 1 ? 1 : 0), 0) ?? 0;
    if (own !== undefined && stays > 1) own[unit] = Math.max(factor, 1e-3);
  }
  return gates;
}

function chosen(
  structure: Structure,
  summed: Gates,
  { share, seed, hash }: { readonly share: number; readonly seed: number; readonly hash: string },
): Importance {
  const scores = ones(structure);
  const counts = [...denseUnits(structure)];
  const most = share * macCount(structure);
  const order = ranked(structure, summed);
  for (const [at, { dim, unit }] of order.entries()) {
    if (macCount(structure, { units: counts }) <= most) break;
    if ((counts[dim] ?? 0) <= 1) continue;
    counts[dim] = (counts[dim] ?? 0) - 1;
    const own = scores[dim];
    if (own !== undefined) own[unit] = (1e-4 * at) / order.length;
  }
  return {
    ...{ schema: "mdp-importance/1", method: "progressive-gates", normalisation: "none" },
    ...{ networkHash: hash, seed },
    dims: structure.dims.map(({ name, size, producers }, dim) => {
      const layer = structure.layers.find(({ id }) => producers.includes(id));
      const block = structure.blocks[layer?.blocks.at(-1) ?? -1]?.name ?? null;
      const own = [...(scores[dim] ?? [])];
      const layers = layer === undefined ? [] : [{ layer: layer.name, block, scores: own }];
      return { dim: name, units: size, layers };
    }),
  };
}
