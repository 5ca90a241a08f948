import { basename } from "node:path";
import { UsageError } from "../../core/errors.ts";
import type { Graph } from "../../graph/graph.ts";
import { type Model, withGraph } from "../../onnx/model.ts";
import { modelHash, readModel } from "../../onnx/read.ts";
import { findStructure, type StructureOptions } from "../../structure/find-structure.ts";
import type { Structure } from "../../structure/structure.ts";
import { defaultNetwork } from "./default-network.ts";
import { modelPath } from "./embedded.ts";

/** A network that was read, with what can be pruned in it. */
export interface OpenNetwork {
  readonly name: string;
  readonly path: string;
  /** Nobody named a network, so it is the embedded default. */
  readonly embedded: boolean;
  /** SHA-256 of the file. */
  readonly hash: string;
  /** Prepared as the structure's graph is. */
  readonly model: Model;
  readonly structure: Structure;
}

/** Reads the named network (a path, or `:name` of an embedded one), or the embedded default. */
export async function openNetwork(
  path: string | undefined,
  options: StructureOptions = {},
): Promise<OpenNetwork> {
  const embedded = defaultNetwork();
  const file = path === undefined ? embedded.model : modelPath(path);
  const model = readModel(file);
  checkBound(model.graph, options.bind ?? {});
  const structure = findStructure(model.graph, options);
  return {
    name: path === undefined ? embedded.name : basename(file).replace(/\.onnx(\.br|\.gz)?$/, ""),
    path: file,
    embedded: path === undefined,
    hash: await modelHash(file),
    model: withGraph(model, structure.graph),
    structure,
  };
}

function checkBound(graph: Graph, bind: Readonly<Record<string, number>>): void {
  const open = new Set(
    graph.inputs.flatMap(({ shape }) =>
      (shape ?? []).filter((extent) => typeof extent === "string"),
    ),
  );
  for (const name of Object.keys(bind)) {
    if (open.has(name)) continue;
    const named = open.size === 0 ? "has no named axes" : `names ${[...open].join(", ")}`;
    throw new UsageError({
      code: "cli/bind",
      message: `No input has an axis named '${name}'; the network ${named}.`,
      where: "--bind",
      hint: "Leave --bind out, or bind an axis that the network names.",
    });
  }
}
