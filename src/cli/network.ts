import { basename } from "node:path";
import { UsageError } from "../core/errors.ts";
import type { Model } from "../onnx/model.ts";
import { modelHash, readModel } from "../onnx/read.ts";
import { findStructure, type StructureOptions } from "../structure/find-structure.ts";
import type { Structure } from "../structure/structure.ts";
import { defaultNetwork } from "./default-network.ts";

/** A network that was read, with what can be pruned in it. */
export interface OpenNetwork {
  readonly name: string;
  readonly path: string;
  /** Nobody named a network, so it is the embedded default. */
  readonly embedded: boolean;
  /** SHA-256 of the file. */
  readonly hash: string;
  readonly model: Model;
  readonly structure: Structure;
}

/** Reads the named network, or the embedded default. */
export async function openNetwork(
  path: string | undefined,
  options: StructureOptions = {},
): Promise<OpenNetwork> {
  const embedded = defaultNetwork();
  const file = path ?? embedded.model;
  const model = readModel(file);
  return {
    name: path === undefined ? embedded.name : basename(file).replace(/\.onnx$/, ""),
    path: file,
    embedded: path === undefined,
    hash: await modelHash(file),
    model,
    structure: findStructure(model.graph, options),
  };
}

/**
 * A regular expression from the command line.
 * @throws UsageError `cli/regular-expression`
 */
export function regularExpression(text: string | undefined, option: string): RegExp | null {
  if (text === undefined) return null;
  try {
    return new RegExp(text);
  } catch (cause) {
    throw new UsageError({
      code: "cli/regular-expression",
      message: `'${text}' is not a regular expression: ${cause instanceof Error ? cause.message : cause}.`,
      where: option,
      hint: "Names of dims are shown by mdp inspect; layer1 matches every name that contains it.",
      cause,
    });
  }
}
