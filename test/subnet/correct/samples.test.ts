import { expect, test } from "vitest";
import type { SampleBatch } from "../../../src/runtime/batches.ts";
import type { Feed } from "../../../src/runtime/session.ts";
import { takeSamples } from "../../../src/subnet/correct/samples.ts";
import { networkBuilder } from "../../helpers/networks.ts";

function reading(batch: number | string): Parameters<typeof takeSamples>[0] {
  const b = networkBuilder(1);
  b.output(b.node("Flatten", [b.input("x", [batch, 2, 2, 2])]));
  return b.graph();
}

async function* counted(
  sizes: readonly number[],
  spoil: (data: Float32Array) => void = () => {},
): AsyncGenerator<SampleBatch> {
  let next = 0;
  for (const size of sizes) {
    const data = Float32Array.from({ length: 8 * size }, () => next++);
    spoil(data);
    const feed: Feed = { type: "float32", shape: [size, 2, 2, 2], data };
    yield { size, feeds: { x: feed }, labels: new Int32Array(size).fill(-1) };
    data.fill(0);
  }
}

const numbers = (runs: readonly Readonly<Record<string, Feed>>[]): number[] =>
  runs.flatMap(({ x }) => Array.from((x?.data ?? []) as Float32Array));

test("samples are those of the stream in its order, copied, in runs of the size asked for", async () => {
  const options = { images: 7, runSize: 3 };
  const { count, runs } = await takeSamples(reading("n"), counted([4, 4, 4]), options);
  expect(count).toBe(7);
  expect(runs.map(({ x }) => x?.shape[0])).toEqual([3, 3, 1]);
  expect(numbers(runs)).toEqual(Array.from({ length: 56 }, (_, at) => at));
});

test("a network whose batch is fixed gets runs of its size, and what is left over stays out", async () => {
  const options = { images: 100, runSize: 3 };
  const { runs } = await takeSamples(reading(2), counted([3, 2]), options);
  expect(runs.map(({ x }) => x?.shape[0])).toEqual([2, 2]);
  expect(numbers(runs)).toEqual(Array.from({ length: 32 }, (_, at) => at));
  await expect(takeSamples(reading(2), counted([1]), options)).rejects.toThrowError(
    expect.objectContaining({ code: "correct/no-images", exitCode: 3 }),
  );
});

test.each([Number.NaN, Number.POSITIVE_INFINITY])(
  "a sample with %s is refused by its number",
  async (value) => {
    const spoil = (data: Float32Array): void => {
      if (data[0] === 16) data[11] = value;
    };
    const taken = takeSamples(reading("n"), counted([2, 2], spoil), { images: 4, runSize: 4 });
    await expect(taken).rejects.toThrowError(
      expect.objectContaining({ code: "correct/bad-image", exitCode: 3 }),
    );
    await expect(taken).rejects.toThrow(/Sample 3 of input 'x'/);
  },
);
