/**
 * Scores of baselines that only this comparison needs, by gradients of drawn pairs. With g the factor of a unit:
 *
 *   task          mean over batches of (d loss / dg)^2, the loss that the network was trained with: contrastive on captions, cross entropy on answers
 *                 (Taylor, Molchanov et al. 1906.10771, over groups of weights)
 *   one-modality  sum over outputs F of E[(d <v, F> / dg)^2] / variance of F, v normal: Gauss-Newton of every output for itself,
 *                 no similarity between the modalities
 */
import { randomFrom } from "../../src/core/random.ts";
import { captionPairs } from "../../src/data/drawn/captions.ts";
import { differentiate } from "../../src/gradients/differentiate.ts";
import {
  appended,
  crossEntropy,
  type Lossy,
  staticOf,
  withInput,
} from "../../src/gradients/losses.ts";
import { add, axesFrom, multiply, reduce } from "../../src/gradients/ops.ts";
import { contrastive } from "../../src/gradients/pairs.ts";
import { staticGraph } from "../../src/gradients/static-graph.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { extend } from "../../src/importance/data/extend.ts";
import { openGraph } from "../../src/importance/data/feed.ts";
import { adderOf, reduced, watchedLayers } from "../../src/importance/data/gradients.ts";
import type { Importance } from "../../src/importance/importance.ts";
import { assembleImportance, perUnit } from "../../src/importance/per-unit.ts";
import type { OpenNetwork } from "../../src/pipeline/open/network.ts";
import type { Feed, Feeds } from "../../src/runtime/session.ts";
import { feedsOf, floats } from "./pairs.ts";

const BATCH = 64;
/** Of each kind of text; gradients cost little beside measured cuts. */
const BATCHES = 8;
const DRAWS = 4;

export type GradientKind = "task" | "one-modality";

export async function gradientScores(
  open: OpenNetwork,
  kind: GradientKind,
  seed: number,
): Promise<Importance> {
  const { structure, model } = open;
  const fixed = staticGraph(structure.graph, { batch: BATCH });
  const names = fixed.outputs.map(({ name }) => name);
  const losses = kind === "task" ? taskLosses(fixed) : [drawnOutputs(fixed, names)];
  const watched = watchedLayers(structure, fixed, names, "hessian");
  const square = adderOf("hessian");
  const draw = captionPairs({ seed: 1, split: "train" });
  const own = await openGraph(model, fixed, 1);
  let runs = 0;
  for (const [way, lossy] of losses.entries()) {
    const reached = watchedLayers(structure, fixed, lossy.reads, "hessian");
    const values = new Set(reached.map(({ value }) => value));
    const made = differentiate(lossy.graph, { loss: lossy.loss, withRespectTo: [...values] });
    const extension = extend(made.graph);
    const read = watched.filter(({ value }) => values.has(value));
    const products = read.map((at) =>
      extension.output(
        reduced(extension, made.graph, at, made.gradients.get(at.value) ?? "", "hessian"),
      ),
    );
    const session = await openGraph(model, extension.graph(), 1);
    for (let index = 0; index < BATCHES * (kind === "task" ? 1 : 2); index += 1) {
      const pairs = Array.from({ length: BATCH }, (_, at) =>
        draw((seed * 4096 + index * BATCH + at) % 8000),
      );
      const isCaption = kind === "task" ? way === 0 : index % 2 === 0;
      const feeds = feedsOf(pairs, isCaption ? "caption" : "question");
      const labels = BigInt64Array.from(pairs, ({ answer }) => BigInt(answer));
      const answers = kind === "task" ? {} : await own.run(feeds);
      for (let round = 0; round < (kind === "task" ? 1 : DRAWS); round += 1) {
        const extra: Feeds =
          kind === "one-modality"
            ? directions(answers, names, seed * 65536 + index * DRAWS + round)
            : lossy.isLabelled
              ? { labels: { type: "int64", shape: [BATCH], data: labels } }
              : {};
        const found = await session.run({ ...feeds, ...extra });
        for (const [at, layer] of read.entries()) {
          square(layer, floats(found[products[at] ?? ""]), BATCH, true);
        }
        runs += 1;
      }
    }
    await session.close();
  }
  await own.close();
  const about = { method: kind, normalisation: "none", networkHash: open.hash, seed } as const;
  return assembleImportance(structure, about, ({ index }) => {
    const found = watched.find(({ layer }) => layer.index === index);
    if (found === undefined) return null;
    return perUnit(
      structure,
      found.units,
      found.sum.map((sum) => sum / runs),
    );
  });
}

interface ScoredLoss extends Lossy {
  readonly reads: readonly string[];
  readonly isLabelled: boolean;
}

function taskLosses(graph: Graph): readonly ScoredLoss[] {
  const [left, right] = ["image_embed", "text_embed"];
  return [
    { ...contrastive(graph, { left, right }), reads: [left, right], isLabelled: false },
    {
      ...crossEntropy(graph, { logits: "answer", labels: "labels" }),
      ...{ reads: ["answer"], isLabelled: true },
    },
  ];
}

/** Sum over outputs of <v, F>, the v fed. */
function drawnOutputs(graph: Graph, names: readonly string[]): ScoredLoss {
  let fed = graph;
  for (const name of names) fed = withInput(fed, { name: `v/${name}`, ...staticOf(fed, name) });
  const lossy = appended(fed, "loss/drawn", (e) =>
    names
      .map((name) => reduce(e, "Sum", multiply(e, name, `v/${name}`), axesFrom(e.shapeOf(name), 0)))
      .reduce((sum, term) => add(e, sum, term)),
  );
  return { ...lossy, reads: names, isLabelled: false };
}

/** Normal numbers over every output's deviation around its mean over the batch. */
function directions(answers: Feeds, names: readonly string[], seed: number): Feeds {
  const random = randomFrom(seed);
  return Object.fromEntries(
    names.map((name): [string, Feed] => {
      const values = floats(answers[name]);
      const width = values.length / BATCH;
      const means = new Float64Array(width);
      for (const [at, value] of values.entries()) {
        means[at % width] = (means[at % width] ?? 0) + value / BATCH;
      }
      let variance = 0;
      for (const [at, value] of values.entries()) {
        variance += (value - (means[at % width] ?? 0)) ** 2 / BATCH;
      }
      const deviation = Math.max(Math.sqrt(variance), 1e-12);
      const data = values.map(() => random.normal() / deviation);
      return [`v/${name}`, { type: "float32", shape: answers[name]?.shape ?? [], data }];
    }),
  );
}
