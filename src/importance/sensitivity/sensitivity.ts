import { InputError, InterruptedError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import { answersOf } from "../../graph/answers.ts";
import type { Graph } from "../../graph/graph.ts";
import type { Model } from "../../onnx/model.ts";
import type { SampleBatch } from "../../runtime/batches.ts";
import type { Feed, Feeds } from "../../runtime/session.ts";
import type { Structure } from "../../structure/structure.ts";
import type { Collector } from "../data/collect.ts";
import { feedsOf } from "../data/feed.ts";
import type { Candidate } from "./candidates.ts";
import { cutGroups } from "./cut-groups.ts";
import { type Damage, damageOf } from "./damage.ts";
import { type GatedNetwork, gatedNetwork } from "./gated.ts";
import { type HostOptions, hostsFor, openGroupSessions } from "./group-sessions.ts";

export interface SensitivityOptions extends HostOptions {
  /** The cuts to measure, of the network with its gates. */
  readonly cuts: (gated: GatedNetwork) => readonly Candidate[];
  /** What is being done, for people; `measuring cuts` unless given. */
  readonly label?: string | undefined;
  /** Values to compare; all outputs, as `answersOf` reads them, where left out. */
  readonly outputs?: readonly string[] | undefined;
  /** How answers are compared; value by value where left out. */
  readonly comparison?: Comparison | undefined;
  readonly progress: Progress;
  readonly signal?: AbortSignal | undefined;
}

/** How the answers of the whole network and of a cut one are compared: part by part, each over its own variance. */
export interface Comparison {
  /** Values of the network that are read. */
  readonly values: readonly string[];
  /** Names of what is compared. */
  readonly parts: readonly string[];
  /** In the order of the parts. `samples` are what both answer. */
  readonly damages: (whole: Feeds, cut: Feeds, samples: SampleBatch) => readonly Damage[];
}

export interface Sensitivity extends Collector {
  readonly candidates: readonly Candidate[];
  /** Names of what is compared. */
  readonly parts: readonly string[];
  /** Damage of each candidate, as a share of the answers' variance: of one part, or the mean over the parts. */
  readonly damages: (part?: number) => readonly number[];
  readonly close: () => Promise<void>;
}

/**
 * Measures what each candidate alone does to the network's answers: per candidate and batch, one run of the part of the network
 * that its group of cuts changes (cut-groups.ts).
 */
export async function openSensitivity(
  model: Model,
  structure: Structure,
  options: SensitivityOptions,
): Promise<Sensitivity> {
  const { graph } = structure;
  const gated = gatedNetwork(structure);
  const candidates = options.cuts(gated);
  const { label = "measuring cuts" } = options;
  const comparison =
    options.comparison ?? valueByValue(answersOf(graph, options.outputs).values, graph);
  const { parts, damages } = comparison;
  const { values: compared } = comparison;
  const groups = cutGroups(structure, gated, candidates, { compared, batch: options.batch });
  const sessions = await openGroupSessions(
    model,
    graph,
    groups,
    compared,
    hostsFor(structure, groups, options),
  );
  // Per part that is compared: the differences of all candidates, then those of the next part.
  const differences = new Float64Array(candidates.length * parts.length);
  const sizes = new Float64Array(parts.length);
  const runs = groups.reduce((sum, { cuts }) => sum + cuts.length, 0);
  return {
    candidates,
    parts,
    sums: new Map([
      ["differences", differences],
      ["sizes", sizes],
    ]),
    add: async (batch, index) => {
      const feeds = feedsOf(graph, batch);
      const known = { ...feeds, ...(await sessions.before?.run(feeds)) };
      for (const [part, { size }] of damages(known, known, batch).entries()) {
        sizes[part] = (sizes[part] ?? 0) + size;
      }
      const measured = new Float64Array(differences.length);
      let done = 0;
      await sessions.behind(async (group, session, isStopped) => {
        await session.keep({ ...feedsNamed(known, group.reads), ...group.open });
        const whole = { ...known, ...(await session.run({})) };
        for (const { at: place, closed } of group.cuts) {
          if (isStopped()) return;
          const cut = { ...known, ...(await session.run(closed)) };
          for (const [part, damage] of damages(whole, cut, batch).entries()) {
            measured[part * candidates.length + place] = damage.difference;
          }
          done += 1;
          const [step, steps] = [index * runs + done, options.batches * runs];
          options.progress.step(label, step, steps);
          if (options.signal?.aborted) throw interrupted(done, runs);
        }
      });
      // Whole batches only, so that a stopped run leaves none by halves.
      for (const [place, difference] of measured.entries()) {
        differences[place] = (differences[place] ?? 0) + difference;
      }
    },
    damages: (part) =>
      meanDamages(candidates.length, { differences, sizes }, part === undefined ? null : [part]),
    close: sessions.close,
  };
}

function feedsNamed(feeds: Feeds, names: readonly string[]): Feeds {
  return Object.fromEntries(names.map((name) => [name, feeds[name] as Feed]));
}

/** Per candidate, the mean over the parts that vary (of those that are asked for) of the difference over the variance. */
export function meanDamages(
  candidates: number,
  { differences, sizes }: { readonly differences: Float64Array; readonly sizes: Float64Array },
  parts: readonly number[] | null,
): readonly number[] {
  const varying = (parts ?? [...sizes.keys()]).filter((part) => (sizes[part] ?? 0) > 0);
  return Array.from({ length: candidates }, (_, cut) =>
    varying.reduce(
      (sum, part) =>
        sum + (differences[part * candidates + cut] ?? 0) / (sizes[part] ?? 1) / varying.length,
      0,
    ),
  );
}

/**
 * Every value by itself, as `damageOf` compares them: those that the samples have numbers as targets for are no scores of classes.
 * @param graph of the network: a target without a name is its first output's
 */
export function valueByValue(values: readonly string[], graph: Pick<Graph, "outputs">): Comparison {
  const [first] = graph.outputs;
  return {
    values,
    parts: values,
    damages: (whole, cut, samples) => {
      const numbers = numbersIn(samples, first?.name ?? "");
      return values.map((name) =>
        damageBetween(whole[name], cut[name], { name, areNumbers: numbers.has(name) }),
      );
    },
  };
}

/** The outputs whose targets are numbers. */
function numbersIn({ targets }: SampleBatch, first: string): ReadonlySet<string> {
  const target = targets?.[0];
  if (target?.kind === "heads") {
    const heads = Object.entries(target.heads).filter(([, { kind }]) => kind === "values");
    return new Set(heads.map(([name]) => name));
  }
  if (target?.kind !== "values") return new Set();
  return new Set(Object.keys(target.values).map((name) => (name === "" ? first : name)));
}

function damageBetween(
  whole: Feed | undefined,
  cut: Feed | undefined,
  { name, areNumbers }: { readonly name: string; readonly areNumbers: boolean },
): ReturnType<typeof damageOf> {
  if (whole?.type === "float32" && cut?.type === "float32") {
    return damageOf(whole.data, cut.data, whole.shape, areNumbers);
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
