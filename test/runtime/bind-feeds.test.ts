import { describe, expect, test } from "vitest";
import {
  joinedFeeds,
  paddedBatch,
  type SampleBatch,
  sampleOf,
  slicedBatch,
  targetOf,
  UNNAMED,
} from "../../src/runtime/batches.ts";
import { bindFeeds, checkSampleShapes } from "../../src/runtime/bind-feeds.ts";
import type { Feed, Feeds } from "../../src/runtime/session.ts";

const images: Feed = {
  type: "float32",
  shape: [2, 3],
  data: Float32Array.from([1, 2, 3, 4, 5, 6]),
};
const tokens: Feed = { type: "int64", shape: [2, 2], data: BigInt64Array.from([7n, 8n, 9n, -1n]) };
const declared = [
  { name: "image", type: "float32", shape: ["batch", 3] },
  { name: "tokens", type: "int32", shape: [null, 2] },
] as const;
const bind = (feeds: Feeds, inputs: Parameters<typeof bindFeeds>[0] = declared): Feeds =>
  bindFeeds(inputs, { feeds }, "here");

test("the data's inputs go to the network's by name, whole numbers in the type that it declares", () => {
  const bound = bind({ tokens, image: images });
  expect(Object.keys(bound)).toEqual(["image", "tokens"]);
  expect(bound["image"]).toBe(images);
  expect(bound["tokens"]).toEqual({
    type: "int32",
    shape: [2, 2],
    data: Int32Array.of(7, 8, 9, -1),
  });
});

test("an input without a name goes to the only one that the network has", () => {
  expect(bind({ [UNNAMED]: images }, [declared[0]])).toEqual({ image: images });
});

describe("what doesn't fit is refused", () => {
  const large: Feed = {
    type: "int64",
    shape: [2, 2],
    data: BigInt64Array.from([1n, 2n, 3n, 1n << 40n]),
  };
  const halves: Feed = { type: "float32", shape: [2, 2], data: Float32Array.of(1, 2, 3, 4) };
  test.each([
    ["an input that the data lacks", { image: images }, "data/inputs-differ"],
    ["one that the network lacks", { image: images, tokens, mask: tokens }, "data/inputs-differ"],
    ["an unnamed one among two", { [UNNAMED]: images, tokens }, "data/inputs-differ"],
    ["another shape", { image: { ...images, shape: [3, 2] }, tokens }, "data/shape-mismatch"],
    ["a number that int32 can't hold", { image: images, tokens: large }, "data/type-mismatch"],
    ["floats for whole numbers", { image: images, tokens: halves }, "data/type-mismatch"],
  ] as const)("%s", (_, feeds, code) => {
    expect(() => bind(feeds)).toThrowError(expect.objectContaining({ code, exitCode: 3 }));
  });

  test("shapes of samples, before anything is read", () => {
    expect(() => checkSampleShapes(declared, { image: [3], tokens: [2] }, "here")).not.toThrow();
    expect(() => checkSampleShapes(declared, { image: [4], tokens: [2] }, "here")).toThrowError(
      expect.objectContaining({ code: "data/shape-mismatch" }),
    );
  });
});

test("a batch is sliced, padded and joined along its samples, and its targets go along", () => {
  const batch: SampleBatch = {
    size: 2,
    feeds: { image: images, names: { type: "string", shape: [2], data: ["a", "b"] } },
    labels: Int32Array.of(4, -1),
  };
  const second = slicedBatch(batch, 1, 2);
  expect([...((second.feeds["image"]?.data ?? []) as Float32Array)]).toEqual([4, 5, 6]);
  expect(second.feeds["names"]?.data).toEqual(["b"]);
  expect([targetOf(batch, 0), targetOf(batch, 1)]).toEqual([
    { kind: "class", label: 4 },
    { kind: "none" },
  ]);
  const padded = paddedBatch(second, 3);
  expect(padded.feeds["image"]).toEqual({
    ...{ type: "float32", shape: [3, 3] },
    data: Float32Array.of(4, 5, 6, 0, 0, 0, 0, 0, 0),
  });
  expect(padded.feeds["names"]?.data).toEqual(["b", "", ""]);
  expect(joinedFeeds([images, images]).shape).toEqual([4, 3]);
  expect(sampleOf(tokens, 1)).toEqual({
    type: "int64",
    shape: [2],
    data: BigInt64Array.of(9n, -1n),
  });
});
