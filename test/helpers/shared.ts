import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Model } from "../../src/onnx/model.ts";
import { readModel } from "../../src/onnx/read.ts";

const root =
  process.env["MDP_SHARED"] ?? join(dirname(fileURLToPath(import.meta.url)), "../../../shared");

/** Path of a file or folder of the shared test data, or null where it isn't there. */
export function sharedPath(relative: string): string | null {
  const path = join(root, relative);
  return existsSync(path) ? path : null;
}

const graphs = new Map<string, Model>();

/**
 * A network of the shared test data by its path below the folder ("models/x.onnx", or "graphs/x.onnx.br", which is unpacked in
 * memory), or null where it isn't there. Read once per process.
 */
export function sharedGraph(name: string): Model | null {
  const known = graphs.get(name);
  if (known !== undefined) return known;
  const path = sharedPath(name);
  if (path === null) return null;
  const model = readModel(path);
  graphs.set(name, model);
  return model;
}
