import { InputError } from "../core/errors.ts";
import { type Random, randomFrom } from "../core/random.ts";
import { fromHalf, toHalf } from "../graph/half.ts";
import type { Feed, Feeds, FeedType, SessionValue } from "./session.ts";

export interface FeedOptions {
  readonly seed?: number;
  /** Stands for every extent that has a name instead of a number; 1 unless given. */
  readonly batch?: number;
  /** Shapes of inputs by name, where the network leaves more open than the batch. */
  readonly shapes?: Readonly<Record<string, readonly number[]>>;
  /** Draws an element of a float input; standard normal unless given. */
  readonly float?: (random: Random) => number;
  /** Per integer input the number of values it may take, from 0 on; 2 unless given. */
  readonly integers?: Readonly<Record<string, number>>;
}

/**
 * Random tensors for every input: standard normal for floats, 0 or 1 for integers and booleans (always valid indices),
 * unless told otherwise.
 * The same seed gives the same tensors.
 * @throws InputError `runtime/bad-feed`
 */
export function randomFeeds(inputs: readonly SessionValue[], options: FeedOptions = {}): Feeds {
  const random = randomFrom(options.seed ?? 0);
  const feeds: Record<string, Feed> = {};
  for (const input of inputs) {
    const shape =
      options.shapes?.[input.name] ??
      input.shape.map((extent) => (typeof extent === "number" ? extent : (options.batch ?? 1)));
    const float = options.float ?? ((source: Random) => source.normal());
    const bound = options.integers?.[input.name] ?? 2;
    feeds[input.name] = randomFeed(input, shape, random, { float, bound });
  }
  return feeds;
}

function randomFeed(
  input: SessionValue,
  shape: readonly number[],
  random: Random,
  { float, bound }: { readonly float: (random: Random) => number; readonly bound: number },
): Feed {
  const count = shape.reduce((product, extent) => product * extent, 1);
  const drawn = (values: number): number[] =>
    Array.from({ length: count }, () => random.integer(values));
  const bits = (): number[] => drawn(2);
  const next = (): number => float(random);
  switch (input.type as FeedType) {
    case "float32":
      return { type: "float32", shape, data: Float32Array.from({ length: count }, next) };
    case "float64":
      return { type: "float64", shape, data: Float64Array.from({ length: count }, next) };
    case "int64":
      return { type: "int64", shape, data: BigInt64Array.from(drawn(bound), BigInt) };
    case "int32":
      return { type: "int32", shape, data: Int32Array.from(drawn(bound)) };
    case "uint8":
      return { type: "uint8", shape, data: Uint8Array.from(bits(), (bit) => 255 * bit) };
    case "bool":
      return { type: "bool", shape, data: Uint8Array.from(bits()) };
    case "float16":
      return {
        type: "float16",
        shape,
        data: Uint16Array.from({ length: count }, () => toHalf(next())),
      };
    case "int8":
      return { type: "int8", shape, data: Int8Array.from(bits(), (bit) => 127 * bit) };
    case "uint16":
      return { type: "uint16", shape, data: Uint16Array.from(bits()) };
    case "int16":
      return { type: "int16", shape, data: Int16Array.from(bits()) };
    case "uint32":
      return { type: "uint32", shape, data: Uint32Array.from(bits()) };
    case "uint64":
      return { type: "uint64", shape, data: BigUint64Array.from(bits(), BigInt) };
    default:
      throw new InputError({
        code: "runtime/bad-feed",
        message: `Input '${input.name}' has elements of type ${input.type}, for which random values can't be made.`,
        where: input.name,
        hint: "Inputs of numbers and of bool are supported.",
      });
  }
}

/** The elements of a tensor as numbers, whatever its type. */
export function numbersOfFeed(feed: Feed): Float64Array {
  const { data } = feed;
  if (feed.type === "float16") return Float64Array.from(feed.data, fromHalf);
  return Float64Array.from({ length: data.length }, (_, index) => Number(data[index]));
}
