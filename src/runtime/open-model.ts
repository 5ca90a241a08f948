import { rmSync } from "node:fs";
import { join } from "node:path";
import { makeScratchFolder } from "../core/files.ts";
import { type Model, modelLabel } from "../onnx/model.ts";
import { serializeModel, writeModel } from "../onnx/write.ts";
import { openSession, type Session } from "./session.ts";

const LARGEST_IN_MEMORY = 1.5 * 2 ** 30;

/**
 * A session of a model in memory that gives the digits of the network as it is written: without the runtime's own rewriting,
 * as fusions change the order of sums.
 * @throws InputError `runtime/load-failed`
 */
export async function openModel(
  model: Model,
  settings: { readonly threads?: number } = {},
): Promise<Session> {
  const options = { ...settings, optimisation: "disabled", where: modelLabel(model) } as const;
  const tensors = [...model.graph.initializers.values()];
  if (tensors.reduce((sum, tensor) => sum + tensor.byteLength, 0) < LARGEST_IN_MEMORY) {
    return openSession(Buffer.concat(serializeModel(model)), options);
  }
  // The runtime takes larger networks from files only; it has read them once the session is open.
  const folder = makeScratchFolder("mdp-network-");
  try {
    const path = join(folder, "network.onnx");
    writeModel(model, path, { externalData: "always" });
    return await openSession(path, options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
