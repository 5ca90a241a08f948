import { InputError } from "../../core/errors.ts";
import { parseJson } from "../../core/files.ts";
import { firstIssues } from "../../core/schema.ts";
import { PREPROCESSING_KEY } from "../../data/preprocessing.ts";
import { type Joined, type JoinOptions, joinGraphs, type PairSide } from "../../graph/pair/join.ts";
import { JOINED, type JoinedPair, type JoinedPart } from "../../graph/pair/joined.ts";
import { partOf, withEmbeddings } from "../../graph/pair/split.ts";
import { type Model, withGraph } from "../../onnx/model.ts";

/** Where a joined network keeps what it was joined of. */
const JOINED_KEY = "mdp.joined";

/** What a network was joined of; null for any other network. @throws InputError `pair/bad-record` */
export function joinedPair(
  { metadata }: Pick<Model, "metadata">,
  where: string,
): JoinedPair | null {
  const text = metadata.get(JOINED_KEY);
  if (text === undefined) return null;
  const parsed = JOINED.safeParse(parseJson(text, where));
  if (parsed.success) return parsed.data;
  throw new InputError({
    code: "pair/bad-record",
    message: `What the network says of its two parts can't be read: ${firstIssues(parsed.error)}`,
    where,
    hint: "Join the two files again with mdp join.",
  });
}

/**
 * Two networks as one, as `joinGraphs`.
 * @throws InputError as `joinGraphs`; `pair/functions` for a file with functions of its own
 */
export function joinModels(
  sides: readonly [NamedModel, NamedModel],
  options: JoinOptions,
): Joined & { readonly model: Model } {
  const [left, right] = sides;
  const joined = joinGraphs([sideOf(left), sideOf(right)], options);
  const [first, second] = [left.model, right.model];
  const metadata = new Map([...second.metadata, ...first.metadata]);
  metadata.set(JOINED_KEY, JSON.stringify(joined.pair));
  const model: Model = {
    ...{ graph: joined.graph, producer: first.producer, metadata, path: null },
    irVersion: Math.max(first.irVersion, second.irVersion),
  };
  return { ...joined, model };
}

export interface NamedModel {
  readonly name: string;
  readonly model: Model;
}

function sideOf({ name, model: { graph, metadata } }: NamedModel): PairSide {
  return { name, graph, metadata };
}

/** A part of a joined network as a file of its own. */
export interface PartModel {
  readonly part: JoinedPart;
  readonly model: Model;
}

/** The two networks, with the names and metadata that their files had. */
export function splitModel(model: Model, pair: JoinedPair): readonly [PartModel, PartModel] {
  const one = (part: JoinedPart): PartModel => {
    const graph = partOf(model.graph, part);
    const metadata = new Map(Object.entries(part.metadata));
    const said = model.metadata.get(PREPROCESSING_KEY);
    const reads = graph.inputs.some(({ shape }) => shape?.length === 4);
    if (said !== undefined && reads) metadata.set(PREPROCESSING_KEY, said);
    return { part, model: { ...withGraph(model, graph), metadata, source: undefined } };
  };
  return [one(pair.parts[0]), one(pair.parts[1])];
}

/** A joined network that gives the embeddings themselves, for whoever judges it; any other network as it is. */
export function judgedModel(model: Model, where: string): Model {
  const pair = joinedPair(model, where);
  return pair === null ? model : withGraph(model, withEmbeddings(model.graph, pair));
}
