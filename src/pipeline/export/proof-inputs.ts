import { InputError } from "../../core/errors.ts";
import { readJson } from "../../core/files.ts";
import { inferShapes } from "../../graph/shapes/infer.ts";
import { bindFeeds, fixedBatchOf } from "../../runtime/bind-feeds.ts";
import type { Feed, Feeds } from "../../runtime/session.ts";
import type { GivenInputs } from "../../subnet/proof/inputs.ts";
import { type ImageOptions, openImages } from "../open/images.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";

/**
 * Inputs from a JSON file: one object (or a list of them) with a nested list of numbers per input of the network,
 * `{ "x": [[[[0.5, ...]]]] }`.
 * @throws InputError `proof/bad-inputs`, and as `readJson`
 */
export function readProofInputs(path: string, open: OpenNetwork): GivenInputs {
  const content = readJson(path);
  const list: readonly unknown[] = Array.isArray(content) ? content : [content];
  if (list.length === 0) throw bad(path, "The list is empty.");
  return { name: path, only: true, feeds: list.map((item) => feedsOf(item, open, path)) };
}

function feedsOf(item: unknown, { structure }: OpenNetwork, path: string): Feeds {
  const { graph } = structure;
  if (typeof item !== "object" || item === null || Array.isArray(item)) {
    throw bad(path, "Each input must be an object with the names of the network's inputs.");
  }
  const given = new Map(Object.entries(item));
  const known = new Set(graph.inputs.map((input) => input.name));
  const unknown = [...given.keys()].find((name) => !known.has(name));
  if (unknown !== undefined) throw bad(path, `The network has no input '${unknown}'.`, [...known]);
  const types = inferShapes(graph);
  return Object.fromEntries(
    graph.inputs.map((input) => {
      const nested = given.get(input.name);
      if (nested === undefined) throw bad(path, `There is no value for '${input.name}'.`);
      const type = input.type ?? types.of(input.name)?.type ?? "float32";
      return [input.name, feedOf(nested, type, input.name, path)];
    }),
  );
}

function feedOf(nested: unknown, type: string, name: string, path: string): Feed {
  const shape = shapeOf(nested);
  const numbers: number[] = [];
  collect(nested, shape, 0, numbers, () =>
    bad(path, `The lists of '${name}' are ragged, or hold something else than numbers.`),
  );
  switch (type) {
    case "float32":
      return { type, shape, data: Float32Array.from(numbers) };
    case "float64":
      return { type, shape, data: Float64Array.from(numbers) };
    case "int64":
      return {
        type,
        shape,
        data: BigInt64Array.from(numbers, (value) => BigInt(Math.trunc(value))),
      };
    case "int32":
      return { type, shape, data: Int32Array.from(numbers) };
    case "int8":
      return { type, shape, data: Int8Array.from(numbers) };
    case "uint8":
    case "bool":
      return { type, shape, data: Uint8Array.from(numbers) };
    default:
      throw bad(path, `Input '${name}' is of ${type}, which can't be given in a file.`);
  }
}

/** The extents that the first element of every list has. */
function shapeOf(nested: unknown): readonly number[] {
  const shape: number[] = [];
  for (let at = nested; Array.isArray(at) && shape.length < 16; at = at[0]) shape.push(at.length);
  return shape;
}

function collect(
  nested: unknown,
  shape: readonly number[],
  depth: number,
  numbers: number[],
  ragged: () => InputError,
): void {
  if (depth === shape.length) {
    if (typeof nested !== "number" && typeof nested !== "boolean") throw ragged();
    numbers.push(Number(nested));
    return;
  }
  if (!Array.isArray(nested) || nested.length !== shape[depth]) throw ragged();
  for (const item of nested) collect(item, shape, depth + 1, numbers, ragged);
}

function bad(path: string, message: string, names: readonly string[] = []): InputError {
  const inputs = names.length === 0 ? "" : ` Its inputs are ${names.join(", ")}.`;
  return new InputError({
    code: "proof/bad-inputs",
    message: `${message}${inputs}`,
    where: path,
    hint: 'Write nested lists per input: { "x": [[0.5, 1.5]] }, or a list of such objects (docs/proof.md).',
  });
}

/** So many images are enough: each run of a proof takes one. */
const IMAGES = 4;

/**
 * Samples of a data set as inputs of a proof, one each (or as many as the network fixes), as the network is fed with them.
 * @throws InputError as `openImages` and `bindFeeds`
 */
export async function imageInputs(
  open: OpenNetwork,
  options: ImageOptions,
  context: RunContext,
): Promise<GivenInputs> {
  const dataset = await openImages(open, options, context);
  const feeds: Feeds[] = [];
  const { inputs } = open.structure.graph;
  const size = fixedBatchOf(inputs) ?? 1;
  for await (const batch of dataset.batches(size, { limit: IMAGES * size, seed: 0 })) {
    if (batch.size === size) feeds.push(bindFeeds(inputs, batch, open.name));
  }
  return { name: `images of ${dataset.path}`, only: false, feeds };
}
