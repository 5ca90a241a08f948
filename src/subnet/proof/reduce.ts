import type { Feed, FeedData, Feeds } from "../../runtime/session.ts";
import type { KeptAxes } from "../kept-axes.ts";

/** What the masked network computes, reduced to the kept indices, so that it can be compared with the smaller one. */
export function reduceToKept(feeds: Feeds, kept: KeptAxes): Feeds {
  return Object.fromEntries(
    Object.entries(feeds).map(([name, feed]) => [name, reduced(name, feed, kept)] as const),
  );
}

function reduced(name: string, feed: Feed, kept: KeptAxes): Feed {
  if (feed.type === "string") return feed;
  let { data, shape }: { data: Numbers; shape: readonly number[] } = feed;
  for (const axis of shape.keys()) {
    const indices = kept(name, axis);
    if (indices === null) continue;
    data = selected(data, shape, axis, indices);
    shape = shape.map((extent, other) => (other === axis ? indices.length : extent));
  }
  // The array is of the type that it was made from.
  return data === feed.data ? feed : ({ type: feed.type, data, shape } as Feed);
}

/** Arrays of numbers that a tensor's elements may be in. */
export type Numbers = Exclude<FeedData[keyof FeedData], string[]>;

function selected(
  data: Numbers,
  shape: readonly number[],
  axis: number,
  indices: Int32Array,
): Numbers {
  const outer = shape.slice(0, axis).reduce((a, b) => a * b, 1);
  const run = shape.slice(axis + 1).reduce((a, b) => a * b, 1);
  const length = shape[axis] ?? 0;
  const next = data.slice(0, 0).constructor as new (length: number) => Float32Array;
  const result = new next(outer * indices.length * run);
  for (let row = 0; row < outer; row += 1) {
    indices.forEach((index, at) => {
      const from = (row * length + index) * run;
      const part = (data as Float32Array).subarray(from, from + run);
      result.set(part, (row * indices.length + at) * run);
    });
  }
  return result;
}
