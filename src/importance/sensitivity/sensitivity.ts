import { InputError, InterruptedError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import { answersOf } from "../../graph/answers.ts";
import type { Model } from "../../onnx/model.ts";
import type { Feed, Feeds } from "../../runtime/session.ts";
import type { Structure } from "../../structure/structure.ts";
import type { Collector } from "../data/collect.ts";
import { feedsOf, openGraph } from "../data/feed.ts";
import type { Candidate } from "./candidates.ts";
import { type Damage, damageOf } from "./damage.ts";
import { type Cut, type GatedNetwork, gatedNetwork } from "./gated.ts";

export interface SensitivityOptions {
  /** The cuts to measure, of the network with its gates. */
  readonly cuts: (gated: GatedNetwork) => readonly Candidate[];
  /** What is being done, for people; `measuring cuts` unless given. */
  readonly label?: string | undefined;
  /** Values to compare; all outputs, as `answersOf` reads them, where left out. */
  readonly outputs?: readonly string[] | undefined;
  /** How answers are compared; value by value where left out. */
  readonly comparison?: Comparison | undefined;
  readonly threads: number;
  /** Number of batches to expect. */
  readonly batches: number;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** How the answers of the whole network and of a cut one are compared: part by part, each over its own variance. */
export interface Comparison {
  /** Values of the network that are read. */
  readonly values: readonly string[];
  /** Names of what is compared. */
  readonly parts: readonly string[];
  /** In the order of the parts. */
  readonly damages: (whole: Feeds, cut: Feeds) => readonly Damage[];
}

export interface Sensitivity extends Collector {
  readonly candidates: readonly Candidate[];
  /** Names of what is compared. */
  readonly parts: readonly string[];
  /** Damage of each candidate, as a share of the answers' variance: of one part, or the mean over the parts. */
  readonly damages: (part?: number) => readonly number[];
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
  const gated = gatedNetwork(structure);
  const candidates = options.cuts(gated);
  const { label = "measuring cuts" } = options;
  const comparison = options.comparison ?? valueByValue(answersOf(graph, options.outputs).values);
  const { parts, damages } = comparison;
  const outputs = comparison.values.map((name) => ({
    name,
    type: "float32" as const,
    shape: null,
  }));
  const session = await openGraph(model, { ...gated.graph, outputs }, options.threads);
  // Per part that is compared: the differences of all candidates, then those of the next part.
  const differences = new Float64Array(candidates.length * parts.length);
  const sizes = new Float64Array(parts.length);
  return {
    candidates,
    parts,
    sums: new Map([
      ["differences", differences],
      ["sizes", sizes],
    ]),
    add: async (batch, index) => {
      const feeds = feedsOf(graph, batch);
      const whole = await session.run({ ...feeds, ...gated.feeds(WHOLE) });
      const measured = new Float64Array(differences.length);
      for (const [at, { cut }] of candidates.entries()) {
        const answers = await session.run({ ...feeds, ...gated.feeds(cut) });
        for (const [part, damage] of damages(whole, answers).entries()) {
          measured[part * candidates.length + at] = damage.difference;
          if (at === 0) sizes[part] = (sizes[part] ?? 0) + damage.size;
        }
        const done = index * candidates.length + at + 1;
        options.progress.step(label, done, options.batches * candidates.length);
        if (options.signal?.aborted) throw interrupted(at + 1, candidates.length);
      }
      // Whole batches only, so that a stopped run leaves none by halves.
      for (const [at, difference] of measured.entries()) {
        differences[at] = (differences[at] ?? 0) + difference;
      }
    },
    damages: (part) =>
      meanDamages(candidates.length, { differences, sizes }, part === undefined ? null : [part]),
    close: () => session.close(),
  };
}

/** Per candidate, the mean over the parts that vary (of those that are asked for) of the difference over the variance. */
export function meanDamages(
  candidates: number,
  { differences, sizes }: { readonly differences: Float64Array; readonly sizes: Float64Array },
  parts: readonly number[] | null,
): readonly number[] {
  const varying = (parts ?? [...sizes.keys()]).filter((part) => (sizes[part] ?? 0) > 0);
  return Array.from({ length: candidates }, (_, at) =>
    varying.reduce(
      (sum, part) =>
        sum + (differences[part * candidates + at] ?? 0) / (sizes[part] ?? 1) / varying.length,
      0,
    ),
  );
}

/** Every value by itself, as `damageOf` compares them. */
export function valueByValue(values: readonly string[]): Comparison {
  return {
    values,
    parts: values,
    damages: (whole, cut) => values.map((name) => damageBetween(whole[name], cut[name], name)),
  };
}

function damageBetween(
  whole: Feed | undefined,
  cut: Feed | undefined,
  name: string,
): ReturnType<typeof damageOf> {
  if (whole?.type === "float32" && cut?.type === "float32") {
    return damageOf(whole.data, cut.data, whole.shape);
  }
  throw new InputError({
    code: "importance/no-loss",
    message: `'${name}' is ${whole?.type ?? "missing"}; only float32 can be compared.`,
    where: name,
    hint: "Name other values with --outputs, or score with a method that reads the weights alone, such as magnitude-l2.",
  });
}

function interrupted(done: number, total: number): InterruptedError {
  return new InterruptedError({
    code: "importance/interrupted",
    message: `Stopped at cut ${done} of ${total} on a batch; the batches before it are safe.`,
    hint: "Run the same command again to go on behind the last whole batch.",
  });
}
