import { InputError, InterruptedError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import type { Model } from "../../onnx/model.ts";
import type { Feed } from "../../runtime/session.ts";
import type { Structure } from "../../structure/structure.ts";
import type { Collector } from "../data/collect.ts";
import { imageFeed, imageInput, openGraph } from "../data/feed.ts";
import { type Candidate, candidatesOf } from "./candidates.ts";
import { damageOf } from "./damage.ts";
import { type Cut, gatedNetwork } from "./gated.ts";

export interface SensitivityOptions {
  /** Units of every dim from the most to the least important. */
  readonly orders: readonly (readonly number[])[];
  readonly threads: number;
  /** Number of batches to expect. */
  readonly batches: number;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

export interface Sensitivity extends Collector {
  readonly candidates: readonly Candidate[];
  /** Damage of each candidate, as a share of the answers' variance. */
  readonly damages: () => readonly number[];
  readonly close: () => Promise<void>;
}

const WHOLE: Cut = { kept: new Map(), droppedBlocks: [], droppedLayers: [] };

/** Measures what each candidate alone does to the network's answers: one run of the whole network per candidate and batch. */
export async function openSensitivity(
  model: Model,
  structure: Structure,
  options: SensitivityOptions,
): Promise<Sensitivity> {
  const { graph } = structure;
  const input = imageInput(graph);
  const gated = gatedNetwork(structure);
  const candidates = candidatesOf(structure, options.orders, gated);
  const session = await openGraph(model, gated.graph, options.threads);
  const output = graph.outputs[0]?.name ?? "";
  const differences = new Float64Array(candidates.length);
  const size = new Float64Array(1);
  const answers = async (images: Feed, cut: Cut): Promise<Feed> => {
    const result = (await session.run({ [input]: images, ...gated.feeds(cut) }))[output];
    if (result?.type === "float32" && result.shape.length > 1) return result;
    throw noAnswers(output);
  };
  return {
    candidates,
    sums: new Map([
      ["differences", differences],
      ["size", size],
    ]),
    add: async (batch, index) => {
      const feed = imageFeed(graph, batch);
      const whole = await answers(feed, WHOLE);
      const measured = new Float64Array(candidates.length);
      let ofWhole = 0;
      for (const [at, { cut }] of candidates.entries()) {
        const damage = damageBetween(whole, await answers(feed, cut), batch.size);
        measured[at] = damage.difference;
        ofWhole = damage.size;
        const done = index * candidates.length + at + 1;
        options.progress.step("measuring cuts", done, options.batches * candidates.length);
        if (options.signal?.aborted) throw interrupted(at + 1, candidates.length);
      }
      size[0] = (size[0] ?? 0) + ofWhole;
      // Whole batches only, so that a stopped run leaves none by halves.
      for (const [at, difference] of measured.entries()) {
        differences[at] = (differences[at] ?? 0) + difference;
      }
    },
    damages: () => Array.from(differences, (difference) => difference / (size[0] ?? 1)),
    close: () => session.close(),
  };
}

function damageBetween(whole: Feed, cut: Feed, images: number): ReturnType<typeof damageOf> {
  if (whole.type !== "float32" || cut.type !== "float32") throw noAnswers("output");
  return damageOf(whole.data, cut.data, images, whole.shape[1] ?? 1);
}

function noAnswers(output: string): InputError {
  return new InputError({
    code: "importance/no-loss",
    message:
      "The network's first output is no float32 of [batch, ...]; there is nothing to compare.",
    where: output,
    hint: "Score with a method that reads the weights alone, such as magnitude-l2.",
  });
}

function interrupted(done: number, total: number): InterruptedError {
  return new InterruptedError({
    code: "importance/interrupted",
    message: `Stopped at cut ${done} of ${total} on a batch; the batches before it are safe.`,
    hint: "Run the same command again to go on behind the last whole batch.",
  });
}
