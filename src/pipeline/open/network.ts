import { basename } from "node:path";
import { UsageError } from "../../core/errors.ts";
import { readJson } from "../../core/files.ts";
import type { Graph } from "../../graph/graph.ts";
import { isPublished, publishedNetwork } from "../../networks/published/published.ts";
import { type Model, modelOf, withGraph } from "../../onnx/model.ts";
import { modelHash, readModel } from "../../onnx/read.ts";
import { findStructure, type StructureOptions } from "../../structure/find-structure.ts";
import type { Structure } from "../../structure/structure.ts";
import { structureHash } from "../../structure/structure-json.ts";
import { parseSubnetFile } from "../../subnet/subnet-file.ts";
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

export interface OpenOptions extends Omit<StructureOptions, "bind"> {
  /** Lengths of open axes, by the axes' names. */
  readonly bind?: Readonly<Record<string, number>> | undefined;
  /** A subnet file of this network: where nothing is bound, what it was solved with is. */
  readonly subnet?: string | undefined;
  /** Classes of a published network; its own by default. */
  readonly classes?: number | undefined;
}

/**
 * Reads the named network (a path, `:name` of an embedded one, or `published:name@side` for a published one without weights), or the embedded default.
 * @throws UsageError `cli/bind`; InputError as `readModel` and `findStructure`
 */
export async function openNetwork(
  path: string | undefined,
  given: OpenOptions = {},
): Promise<OpenNetwork> {
  const options = { ...given, bind: boundBy(given) };
  if (path !== undefined && isPublished(path)) return openPublished(path, options);
  const embedded = defaultNetwork();
  const file = path === undefined ? embedded.model : modelPath(path);
  const model = readModel(file);
  checkBound(model.graph, options.bind);
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

/** A network that is known by its shapes alone: its weights are zero. */
function openPublished(text: string, options: OpenOptions): OpenNetwork {
  const { graph } = publishedNetwork(text, options.classes);
  const { bind = {} } = options;
  checkBound(graph, bind);
  const structure = findStructure(graph, { ...options, bind });
  return {
    ...{ name: text.replace("published:", ""), path: text, embedded: false },
    hash: structureHash(structure),
    model: modelOf(structure.graph),
    structure,
  };
}

function boundBy({ bind = {}, subnet }: OpenOptions): Readonly<Record<string, number>> {
  if (Object.keys(bind).length > 0 || subnet === undefined) return bind;
  return parseSubnetFile(readJson(subnet), subnet).bind ?? {};
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
