import type { Graph } from "../../graph/graph.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { serializeModel } from "../../onnx/write.ts";
import type { SampleBatch } from "../../runtime/batches.ts";
import { type Feed, openSession } from "../../runtime/session.ts";
import { takeSamples } from "../../subnet/correct/samples.ts";
import { damageOf } from "../sensitivity/damage.ts";

const RUN_SIZE = 50;

/**
 * How far the answers of several networks are from the dense network's on the same images: for each the squared difference over the
 * variance of the dense answers (`sensitivity/damage.ts`), of the first output.
 */
export async function answerDamages(
  model: Model,
  dense: Graph,
  graphs: readonly Graph[],
  images: AsyncIterable<SampleBatch>,
  options: { readonly images: number; readonly threads: number },
): Promise<readonly number[]> {
  const samples = await takeSamples(dense, images, { images: options.images, runSize: RUN_SIZE });
  const answersOf = async (graph: Graph): Promise<readonly Feed[]> => {
    const bytes = Buffer.concat(serializeModel(withGraph(model, graph)));
    const session = await openSession(bytes, { threads: options.threads, where: "a network" });
    const output = graph.outputs[0]?.name ?? "";
    const answers: Feed[] = [];
    try {
      for (const feeds of samples.runs) {
        const found = (await session.run(feeds))[output];
        if (found !== undefined) answers.push(found);
      }
    } finally {
      await session.close();
    }
    return answers;
  };
  const wanted = await answersOf(dense);
  const damages: number[] = [];
  for (const graph of graphs) {
    let [difference, size] = [0, 0];
    for (const [part, found] of (await answersOf(graph)).entries()) {
      const whole = wanted[part];
      if (whole?.type !== "float32" || found.type !== "float32") continue;
      const damage = damageOf(whole.data, found.data, whole.shape);
      difference += damage.difference;
      size += damage.size;
    }
    damages.push(size > 0 ? difference / size : 0);
  }
  return damages;
}
