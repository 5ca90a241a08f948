/**
 * Orders units of a network of two modalities by the curvature of a distillation from itself. At the whole network that loss is at its
 * minimum, so its gradient is zero and its second derivative is Gauss-Newton's: with g the factor of a unit,
 *
 *   sum over i of E[(d log p(j | i) / dg)^2], j drawn from the network's own similarities of i, both ways,
 *   + sum over joint outputs F and i of E[(d <v, F_i> / dg)^2] / variance of F, v normal
 *
 * One backward pass estimates all of it: terms of different samples are added with random signs, so that their products vanish in the mean of the
 * square (Hutchinson 1990).
 */
import { type Random, randomFrom } from "../../core/random.ts";
import { differentiate } from "../../gradients/differentiate.ts";
import { appended, type Lossy, staticOf, withInput } from "../../gradients/losses.ts";
import {
  add,
  axesFrom,
  matMul,
  matrixTranspose,
  multiply,
  reduce,
  scale,
  unary,
} from "../../gradients/ops.ts";
import { staticGraph } from "../../gradients/static-graph.ts";
import type { Graph } from "../../graph/graph.ts";
import type { Model } from "../../onnx/model.ts";
import type { Feed, Feeds } from "../../runtime/session.ts";
import type { Structure } from "../../structure/structure.ts";
import type { Scorer } from "../data/collect.ts";
import { extend } from "../data/extend.ts";
import { feedsOf, openGraph } from "../data/feed.ts";
import { adderOf, reduced, watchedLayers } from "../data/gradients.ts";
import { perUnit } from "../per-unit.ts";
import type { Modalities } from "./modalities.ts";

export interface GaussNewtonOptions {
  readonly batch: number;
  readonly seed: number;
  readonly threads: number;
  /** Random draws per batch; 8 unless given. */
  readonly draws?: number;
  /** By which similarities are divided before softmax; 0.07 unless given, at which such networks are trained. */
  readonly temperature?: number;
}

const ROWS = "mdp_rows";
const COLUMNS = "mdp_columns";
const jointInput = (at: number): string => `mdp_joint_${at}`;

/** Curvature by the factor of every layer's units; the sums are over draws of all batches. */
export async function gaussNewtonScorer(
  model: Model,
  structure: Structure,
  modalities: Modalities,
  options: GaussNewtonOptions,
): Promise<Scorer> {
  const { batch, seed, threads, draws = 8, temperature = 0.07 } = options;
  const fixed = staticGraph(structure.graph, { batch });
  const lossy = drawnTerms(fixed, modalities, temperature);
  const outputs = [...modalities.pair, ...modalities.joint];
  const watched = watchedLayers(structure, fixed, outputs, "hessian");
  const names = [...new Set(watched.map(({ value }) => value))];
  const made = differentiate(lossy.graph, { loss: lossy.loss, withRespectTo: names });
  const extension = extend(made.graph);
  const products = watched.map((at) => {
    const gradient = made.gradients.get(at.value) ?? "";
    return extension.output(reduced(extension, made.graph, at, gradient, "hessian"));
  });
  const session = await openGraph(model, extension.graph(), threads);
  const own = await openGraph(model, named(fixed, outputs), threads);
  const square = adderOf("hessian");
  return {
    sums: new Map(watched.map(({ layer, sum }) => [layer.name, sum])),
    add: async (samples, index) => {
      const feeds = feedsOf(structure.graph, samples);
      const answers = await own.run(feeds);
      const random = randomFrom(Math.imul(seed + 1, 0x9e3779b1) ^ Math.imul(index + 1, 0x85ebca77));
      for (let draw = 0; draw < draws; draw += 1) {
        const drawn = drawnFeeds(answers, modalities, temperature, random);
        const found = await session.run({ ...feeds, ...drawn });
        for (const [at, layer] of watched.entries()) {
          const product = found[products[at] ?? ""];
          square(
            layer,
            product?.type === "float32" ? product.data : new Float32Array(),
            batch,
            true,
          );
        }
      }
    },
    scoresOf: (index, passed) => {
      const found = watched.find(({ layer }) => layer.index === index);
      if (found === undefined) return null;
      const count = passed.images * draws;
      return perUnit(
        structure,
        found.units,
        found.sum.map((sum) => sum / count),
      );
    },
    close: async () => {
      await session.close();
      await own.close();
    },
  };
}

function named(graph: Graph, names: readonly string[]): Graph {
  return { ...graph, outputs: names.map((name) => ({ name, type: "float32", shape: null })) };
}

/** sum(rows * log p) + sum(columns * log p) + sum over joint outputs of sum(v * F): linear in what is fed. */
function drawnTerms(graph: Graph, { pair, joint }: Modalities, temperature: number): Lossy {
  const [left, right] = pair;
  const { type, shape } = staticOf(graph, left);
  const square = [shape[0] ?? 1, shape[0] ?? 1];
  let fed = [ROWS, COLUMNS].reduce(
    (open, name) => withInput(open, { name, type, shape: square }),
    graph,
  );
  for (const [at, name] of joint.entries()) {
    fed = withInput(fed, { name: jointInput(at), ...staticOf(fed, name) });
  }
  return appended(fed, "loss/drawn", (e) => {
    const similar = scale(e, matMul(e, left, matrixTranspose(e, right)), 1 / temperature);
    const turned = matrixTranspose(e, similar);
    const weighed = (x: string, by: string): string =>
      reduce(e, "Sum", multiply(e, x, by), axesFrom(e.shapeOf(x), 0));
    return [
      weighed(unary(e, "LogSoftmax", similar, { axis: -1 }), ROWS),
      weighed(unary(e, "LogSoftmax", turned, { axis: -1 }), COLUMNS),
      ...joint.map((name, at) => weighed(name, jointInput(at))),
    ].reduce((sum, term) => add(e, sum, term));
  });
}

/** One draw: a partner of every sample with a random sign, both ways, and random directions of the joint outputs. */
function drawnFeeds(
  answers: Feeds,
  { pair, joint }: Modalities,
  temperature: number,
  random: Random,
): Feeds {
  const [left, right] = pair.map((name) => floatsOf(answers[name]));
  const samples = answers[pair[0]]?.shape[0] ?? 0;
  const ways = [
    [ROWS, left, right],
    [COLUMNS, right, left],
  ] as const;
  const feeds: Record<string, Feed> = {};
  for (const [name, from, to] of ways) {
    const data = partners(from ?? new Float32Array(), to ?? new Float32Array(), {
      ...{ samples, temperature, random },
    });
    feeds[name] = { type: "float32", shape: [samples, samples], data };
  }
  for (const [at, name] of joint.entries()) {
    const values = floatsOf(answers[name]);
    const deviation = Math.sqrt(variancePerSample(values, samples));
    const data = values.map(() => random.normal() / Math.max(deviation, 1e-12));
    feeds[jointInput(at)] = { type: "float32", shape: answers[name]?.shape ?? [], data };
  }
  return feeds;
}

/** A matrix with plus or minus one at (i, j), j drawn from the softmax of the similarities of i. */
function partners(
  from: Float32Array,
  to: Float32Array,
  {
    samples,
    temperature,
    random,
  }: { readonly samples: number; readonly temperature: number; readonly random: Random },
): Float32Array {
  const width = from.length / samples;
  const signs = new Float32Array(samples * samples);
  for (let row = 0; row < samples; row += 1) {
    const scores = Array.from({ length: samples }, (_, column) => {
      let product = 0;
      for (let at = 0; at < width; at += 1) {
        product += (from[row * width + at] ?? 0) * (to[column * width + at] ?? 0);
      }
      return product / temperature;
    });
    const most = Math.max(...scores);
    const shares = scores.map((score) => Math.exp(score - most));
    let left = random.next() * shares.reduce((sum, share) => sum + share, 0);
    const drawn = shares.findIndex((share) => {
      left -= share;
      return left <= 0;
    });
    const column = drawn < 0 ? samples - 1 : drawn;
    signs[row * samples + column] = random.integer(2) === 0 ? 1 : -1;
  }
  return signs;
}

/** Mean over the samples of the squared distance from the mean sample. */
function variancePerSample(values: Float32Array, samples: number): number {
  const width = values.length / Math.max(1, samples);
  const means = new Float64Array(width);
  for (const [at, value] of values.entries()) {
    means[at % width] = (means[at % width] ?? 0) + value / samples;
  }
  let sum = 0;
  for (const [at, value] of values.entries()) sum += (value - (means[at % width] ?? 0)) ** 2;
  return sum / Math.max(1, samples);
}

function floatsOf(feed: Feed | undefined): Float32Array {
  return feed?.type === "float32" ? feed.data : new Float32Array();
}
