import { answersOf } from "../../graph/answers.ts";
import type { Graph } from "../../graph/graph.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { serializeModel } from "../../onnx/write.ts";
import type { SampleBatch } from "../../runtime/batches.ts";
import { type Feeds, openSession } from "../../runtime/session.ts";
import { takeSamples } from "../../subnet/correct/samples.ts";
import { type DamageMeasure, damageBy } from "../sensitivity/damage.ts";

const RUN_SIZE = 50;

/** Adds up how far answers are from the dense ones. */
export interface DamageSum {
  readonly add: (whole: Feeds, cut: Feeds) => void;
  /** The mean over the values that vary, as in `sensitivity/sensitivity.ts`. */
  readonly mean: () => number;
}

/** Over values of a network by name; one that was not handed out is as in the dense network. */
export function sumDamages(values: readonly string[], measure: DamageMeasure): DamageSum {
  const sums = values.map(() => ({ difference: 0, size: 0 }));
  return {
    add: (whole, cut) => {
      for (const [index, name] of values.entries()) {
        const [own, sum] = [whole[name], sums[index]];
        if (own?.type !== "float32" || sum === undefined) continue;
        const other = cut[name] ?? own;
        if (other.type !== "float32") continue;
        const { difference, size } = damageBy(measure, own.data, other.data, own.shape);
        sum.difference += difference;
        sum.size += size;
      }
    },
    mean: () => {
      const varying = sums.filter(({ size }) => size > 0);
      return varying.reduce(
        (sum, { difference, size }) => sum + difference / size / varying.length,
        0,
      );
    },
  };
}

/**
 * How far the answers of several networks are from the dense network's on the same images (`sensitivity/damage.ts`), by all values that
 * `answersOf` compares.
 */
export async function answerDamages(
  model: Model,
  dense: Graph,
  graphs: readonly Graph[],
  images: AsyncIterable<SampleBatch>,
  options: { readonly images: number; readonly threads: number; readonly damage: DamageMeasure },
): Promise<readonly number[]> {
  const samples = await takeSamples(dense, images, { images: options.images, runSize: RUN_SIZE });
  const { values } = answersOf(dense);
  const outputs = values.map((name) => ({ name, type: "float32" as const, shape: null }));
  const answersIn = async (graph: Graph): Promise<readonly Feeds[]> => {
    const bytes = Buffer.concat(serializeModel(withGraph(model, { ...graph, outputs })));
    const session = await openSession(bytes, { threads: options.threads, where: "a network" });
    const answers: Feeds[] = [];
    try {
      for (const feeds of samples.runs) answers.push(await session.run(feeds));
    } finally {
      await session.close();
    }
    return answers;
  };
  const wanted = await answersIn(dense);
  const damages: number[] = [];
  for (const graph of graphs) {
    const sum = sumDamages(values, options.damage);
    for (const [part, found] of (await answersIn(graph)).entries())
      sum.add(wanted[part] ?? {}, found);
    damages.push(sum.mean());
  }
  return damages;
}
