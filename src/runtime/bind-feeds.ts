import { InputError } from "../core/errors.ts";
import { fromHalf, toHalf } from "../graph/half.ts";
import { type SampleBatch, UNNAMED } from "./batches.ts";
import type { Feed, Feeds, FeedType } from "./session.ts";

/** An input that a network declares: of a graph or of a session. Extents that are no positive number are open. */
export interface DeclaredInput {
  readonly name: string;
  /** null where the network doesn't say. */
  readonly type: string | null;
  readonly shape: readonly (number | string | null)[] | null;
}

/**
 * The batch as a network is fed it: a tensor for each of its inputs, by name, of the type that it declares. Whole numbers are converted
 * between integer types and to floats where they are kept exactly; floats between float types.
 * @param where names the network in messages.
 * @throws InputError `data/inputs-differ` where the data lacks an input or has one too many, `data/shape-mismatch`, `data/type-mismatch`
 */
export function bindFeeds(
  inputs: readonly DeclaredInput[],
  batch: Pick<SampleBatch, "feeds">,
  where: string,
): Feeds {
  const named = namedFeeds(inputs, batch.feeds, where);
  return Object.fromEntries(
    inputs.map((input) => {
      const feed = named[input.name];
      if (feed === undefined) throw inputsDiffer(inputs, batch.feeds, where);
      checkShape(input, feed.shape, where);
      return [input.name, converted(feed, input, where)] as const;
    }),
  );
}

/** Samples that a network runs at a time where it fixes them, by the first axis of its inputs; null where they are open. */
export function fixedBatchOf(inputs: readonly DeclaredInput[]): number | null {
  for (const { shape } of inputs) {
    const first = shape?.[0];
    // The runtime reports an extent that it doesn't know as -1.
    if (typeof first === "number" && first > 0) return first;
  }
  return null;
}

/**
 * Refuses shapes of samples (without their batch axis) that the network's inputs can't take.
 * @throws InputError as `bindFeeds`
 */
export function checkSampleShapes(
  inputs: readonly DeclaredInput[],
  shapes: Readonly<Record<string, readonly number[]>>,
  where: string,
): void {
  const only = inputs.length === 1 && UNNAMED in shapes ? inputs[0]?.name : undefined;
  const named: Readonly<Record<string, readonly number[]>> =
    only === undefined ? shapes : { [only]: shapes[UNNAMED] ?? [] };
  const names = Object.keys(named);
  if (names.length !== inputs.length || inputs.some(({ name }) => named[name] === undefined)) {
    throw inputsDiffer(inputs, shapes, where);
  }
  for (const input of inputs) {
    const free = { ...input, shape: input.shape === null ? null : [null, ...input.shape.slice(1)] };
    checkShape(free, [1, ...(named[input.name] ?? [])], where);
  }
}

function namedFeeds(inputs: readonly DeclaredInput[], feeds: Feeds, where: string): Feeds {
  const names = Object.keys(feeds);
  const [first] = inputs;
  const unnamed = feeds[UNNAMED];
  if (unnamed !== undefined && names.length === 1 && first !== undefined && inputs.length === 1) {
    return { [first.name]: unnamed };
  }
  const known = new Set(inputs.map(({ name }) => name));
  if (names.length === inputs.length && names.every((name) => known.has(name))) return feeds;
  throw inputsDiffer(inputs, feeds, where);
}

function checkShape({ name, shape }: DeclaredInput, given: readonly number[], where: string): void {
  const fits =
    shape === null ||
    (shape.length === given.length &&
      shape.every(
        (extent, axis) => typeof extent !== "number" || extent < 0 || extent === given[axis],
      ));
  if (fits) return;
  throw new InputError({
    code: "data/shape-mismatch",
    message: `The network wants [${shape.map((extent) => extent ?? "?").join(", ")}] for '${name}', the data gives [${given.join(", ")}].`,
    where,
    hint: "Set 'size', 'channels', 'layout' or 'shape' in the data set's config; where the network fixes its batch, give that as --batch.",
  });
}

const INTEGERS: ReadonlySet<string> = new Set([
  ...["uint8", "int8", "uint16", "int16", "uint32", "int32", "uint64", "int64", "bool"],
]);

function converted(feed: Feed, { name, type }: DeclaredInput, where: string): Feed {
  if (type === null || feed.type === type) return feed;
  const wantsInteger = INTEGERS.has(type);
  const isInteger = INTEGERS.has(feed.type);
  const wantsFloat = FLOATS.has(type);
  const isFloat = FLOATS.has(feed.type);
  if (!((isInteger && (wantsInteger || wantsFloat)) || (isFloat && wantsFloat))) {
    throw typeMismatch(name, feed.type, type, where);
  }
  const data = arrayOf(type as FeedType, Array.from(valuesOf(feed)));
  if (data === null) throw typeMismatch(name, feed.type, type, where);
  const lost = isFloat ? -1 : firstLoss(feed.data as ArrayLike<number | bigint>, data);
  if (lost >= 0) {
    throw typeMismatch(name, `${feed.type} with the value ${String(feed.data[lost])}`, type, where);
  }
  return { type, shape: feed.shape, data } as Feed;
}

const FLOATS: ReadonlySet<string> = new Set(["float16", "float32", "float64"]);

type Numbers = ArrayLike<number | bigint>;

function valuesOf(feed: Feed): Numbers {
  return feed.type === "float16"
    ? Float32Array.from(feed.data, fromHalf)
    : (feed.data as ArrayLike<number | bigint>);
}

function arrayOf(type: FeedType, values: readonly (number | bigint)[]): Numbers | null {
  switch (type) {
    case "float32":
      return Float32Array.from(values, Number);
    case "float64":
      return Float64Array.from(values, Number);
    case "float16":
      return Uint16Array.from(values, (value) => toHalf(Number(value)));
    case "int64":
      return BigInt64Array.from(values, BigInt);
    case "uint64":
      return BigUint64Array.from(values, BigInt);
    case "int32":
      return Int32Array.from(values, Number);
    case "uint32":
      return Uint32Array.from(values, Number);
    case "int16":
      return Int16Array.from(values, Number);
    case "uint16":
      return Uint16Array.from(values, Number);
    case "int8":
      return Int8Array.from(values, Number);
    case "uint8":
      return Uint8Array.from(values, Number);
    case "bool":
      return Uint8Array.from(values, (value) => (Number(value) === 0 ? 0 : 1));
    default:
      return null;
  }
}

/** The first element that isn't kept exactly; -1 where all are. */
function firstLoss(from: Numbers, to: Numbers): number {
  for (let at = 0; at < from.length; at += 1) {
    if (Number(from[at]) !== Number(to[at])) return at;
  }
  return -1;
}

function typeMismatch(name: string, given: string, wanted: string, where: string): InputError {
  return new InputError({
    code: "data/type-mismatch",
    message: `The network wants ${wanted} for '${name}', the data gives ${given}.`,
    where,
    hint: "Set 'dtype' of that input in the data set's config.",
  });
}

function inputsDiffer(
  inputs: readonly DeclaredInput[],
  feeds: Readonly<Record<string, unknown>>,
  where: string,
): InputError {
  const wanted = inputs.map(({ name, type }) => `'${name}' (${type})`).join(", ");
  const given = Object.keys(feeds).map((name) =>
    name === UNNAMED ? "one without a name" : `'${name}'`,
  );
  return new InputError({
    code: "data/inputs-differ",
    message: `The network has ${inputs.length} input${inputs.length === 1 ? "" : "s"}: ${wanted}; the data gives ${given.join(", ")}.`,
    where,
    hint: "Name a source for each of the network's inputs by \"inputs\" in the data set's config (mdp-dataset/2).",
  });
}
