import { SILENT } from "../../core/progress.ts";
import { answersOf } from "../../graph/answers.ts";
import type { Model } from "../../onnx/model.ts";
import { readModel } from "../../onnx/read.ts";
import { modelPath } from "../open/embedded.ts";
import { openedModel, withoutPostProcessing } from "../open/opened-batch.ts";
import type { RunContext } from "../run-context.ts";

/** What is trained of a network, and what teaches it. */
export interface TrainedPart {
  readonly model: Model;
  readonly teacher: Model | null;
}

/**
 * Network and teacher without their post-processing, for any number of samples where that can be.
 * @param outputs values that are asked for by name
 * @param opens whether a batch that the file fixes at 1 is opened
 */
export async function trainedPart(
  network: Model,
  teacher: string | undefined,
  { outputs, opens }: { readonly outputs: readonly string[] | undefined; readonly opens: boolean },
  context: Pick<RunContext, "progress">,
): Promise<TrainedPart> {
  const part = withoutPostProcessing(network, outputs);
  if (part !== network) {
    for (const note of answersOf(network.graph, outputs).notes) context.progress.note(note);
  }
  const model = opens ? await openedModel(part, context, outputs) : part;
  if (teacher === undefined) return { model, teacher: null };
  const original = withoutPostProcessing(readModel(modelPath(teacher)), outputs);
  // What keeps a batch fixed is the same in both, and was said.
  return { model, teacher: await openedModel(original, { progress: SILENT }, outputs) };
}
