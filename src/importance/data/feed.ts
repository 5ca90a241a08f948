import { InputError } from "../../core/errors.ts";
import type { Graph } from "../../graph/graph.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { serializeModel } from "../../onnx/write.ts";
import type { LabelledBatch } from "../../runtime/batches.ts";
import { type Feed, openSession, type Session } from "../../runtime/session.ts";

/** The one input that images go into. @throws InputError `importance/not-images` */
export function imageInput(graph: Graph): string {
  const [input, ...others] = graph.inputs;
  if (input !== undefined && others.length === 0 && input.type === "float32") return input.name;
  throw new InputError({
    code: "importance/not-images",
    message: `The network has ${graph.inputs.length} inputs (${graph.inputs.map(({ name, type }) => `${name}: ${type}`).join(", ")}); one of float32 is needed.`,
    where: graph.name,
    hint: "Score with a method that reads the weights alone, such as magnitude-l2.",
  });
}

/**
 * The batch as the network is fed it.
 * @throws InputError `importance/shape-mismatch`
 */
export function imageFeed(graph: Graph, batch: LabelledBatch): Feed {
  const declared = graph.inputs[0]?.shape ?? null;
  const fits =
    declared === null ||
    (declared.length === batch.shape.length &&
      declared.every((extent, axis) => typeof extent !== "number" || extent === batch.shape[axis]));
  if (fits) return { type: "float32", shape: batch.shape, data: batch.images };
  throw new InputError({
    code: "importance/shape-mismatch",
    message: `The network wants images of [${declared?.join(", ")}], the data set gives [${batch.shape.join(", ")}].`,
    where: graph.name,
    hint: "Set 'size', 'channels' and 'layout' in the data set's config; where the network fixes its batch, give that as --batch.",
  });
}

/** A session for another graph of the model's; nothing is optimised that would rename values. */
export function openGraph(model: Model, graph: Graph, threads: number): Promise<Session> {
  const bytes = Buffer.concat(serializeModel(withGraph(model, graph)));
  return openSession(bytes, { threads, where: model.path ?? graph.name });
}
