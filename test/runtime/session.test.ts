import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, test, vi } from "vitest";
import { graphBuilder } from "../../src/graph/build.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { serializeModel } from "../../src/onnx/write.ts";
import { compareOutputs } from "../../src/runtime/compare.ts";
import { randomFeeds } from "../../src/runtime/feeds.ts";
import { type Feed, type Feeds, openSession } from "../../src/runtime/session.ts";
import { slicePadResnet } from "../helpers/networks.ts";

const bytes = Buffer.concat(serializeModel(modelOf(slicePadResnet())));
const floats = (values: readonly number[]): Feed => ({
  type: "float32",
  shape: [values.length],
  data: Float32Array.from(values),
});

afterEach(() => {
  vi.unstubAllEnvs();
});

describe("openSession", () => {
  test("runs a network the same way at every optimisation level", async () => {
    const outputs: Feeds[] = [];
    for (const optimisation of ["disabled", "basic", "extended", "all"] as const) {
      const session = await openSession(bytes, { optimisation });
      const feeds = randomFeeds(session.inputs, { seed: 3, batch: 2 });
      outputs.push(await session.run(feeds));
      await session.close();
    }
    const [reference, ...others] = outputs;
    for (const other of others) {
      expect(compareOutputs(reference ?? {}, other).maxRelative).toBeLessThan(1e-5);
    }
    expect(Object.values(reference ?? {})[0]?.shape[0]).toBe(2);
  });

  test("records operations when asked to, once, and leaves no file behind", async () => {
    const folder = mkdtempSync(join(tmpdir(), "mdp-session-test-"));
    vi.stubEnv("TMPDIR", folder);
    const session = await openSession(bytes, { profile: true });
    const feeds = randomFeeds(session.inputs);
    await session.run(feeds);
    await session.run(feeds);
    const runs = session.endProfile();
    expect(runs).toHaveLength(2);
    const convs = runs[0]?.events.filter((event) => /Conv/.test(event.opType)) ?? [];
    expect(convs.length).toBeGreaterThan(4);
    expect(() => session.endProfile()).toThrowError(
      expect.objectContaining({ code: "runtime/no-profile" }),
    );
    expect(readdirSync(folder)).toEqual([]);
    await session.close();
    const unread = await openSession(bytes, { profile: true });
    expect(readdirSync(folder)).toHaveLength(1);
    await unread.close();
    expect(readdirSync(folder)).toEqual([]);
    rmSync(folder, { recursive: true });
  });

  test("says what it could not load or run", async () => {
    const garbage = openSession(new Uint8Array([1, 2, 3]), { where: "broken.onnx" });
    await expect(garbage).rejects.toMatchObject({
      code: "runtime/load-failed",
      where: "broken.onnx",
    });
    const session = await openSession(bytes);
    const wrong = session.run({ nothing: floats([1]) });
    await expect(wrong).rejects.toMatchObject({ code: "runtime/run-failed" });
    await session.close();
  });
});

describe("randomFeeds", () => {
  test("gives the same values for the same seed and others for another", async () => {
    const session = await openSession(bytes);
    const feed = (seed: number): Feed | undefined =>
      Object.values(randomFeeds(session.inputs, { seed, batch: 1 }))[0];
    expect(feed(1)).toEqual(feed(1));
    expect(feed(1)).not.toEqual(feed(2));
    await session.close();
  });

  test("refuses element types that it can't make", () => {
    const input = { name: "text", type: "string", shape: [1] };
    expect(() => randomFeeds([input])).toThrowError(
      expect.objectContaining({ code: "runtime/bad-feed" }),
    );
  });
});

describe("compareOutputs", () => {
  test("relates the largest difference to the largest reference value", () => {
    const difference = compareOutputs({ y: floats([1, -4, 2]) }, { y: floats([1, -4.5, 2]) });
    expect(difference).toEqual({
      maxAbsolute: 0.5,
      maxRelative: 0.125,
      output: "y",
      identical: false,
      notFinite: 0,
    });
  });

  test("calls equal bits identical, and -0 another value than 0 though no difference", () => {
    const a = { y: floats([0, Number.NaN, 3]) };
    expect(compareOutputs(a, { y: floats([0, Number.NaN, 3]) }).identical).toBe(true);
    const signed = compareOutputs(a, { y: floats([-0, Number.NaN, 3]) });
    expect(signed).toMatchObject({ identical: false, maxAbsolute: 0 });
  });

  test("takes a NaN on one side, and anything against all zeros, as infinitely far", () => {
    const nan = compareOutputs({ y: floats([1, 2]) }, { y: floats([1, Number.NaN]) });
    expect(nan.maxRelative).toBe(Number.POSITIVE_INFINITY);
    const later = compareOutputs(
      { y: floats([1]), z: floats([Number.POSITIVE_INFINITY, 1]) },
      { y: floats([1]), z: floats([3, 1]) },
    );
    expect(later).toMatchObject({
      maxRelative: Number.POSITIVE_INFINITY,
      output: "z",
      notFinite: 1,
    });
    const zero = compareOutputs({ y: floats([0, 0]) }, { y: floats([0, 1]) });
    expect(zero.maxRelative).toBe(Number.POSITIVE_INFINITY);
  });

  test("refuses outputs of other names or shapes", () => {
    const code = expect.objectContaining({ code: "runtime/outputs-differ" });
    expect(() => compareOutputs({ y: floats([1]) }, { z: floats([1]) })).toThrowError(code);
    expect(() => compareOutputs({ y: floats([1]) }, { y: floats([1, 2]) })).toThrowError(code);
  });
});

test("a token outside of the vocabulary is refused as what it is", async () => {
  const b = graphBuilder({ opset: 17 });
  b.input("tokens", ["batch", 2], "int64");
  b.tensor("words", floatTensor([3, 4], new Float32Array(12)));
  b.output(b.node("Gather", ["words", "tokens"]));
  const session = await openSession(Buffer.concat(serializeModel(modelOf(b.graph()))));
  const data = BigInt64Array.of(0n, 3n);
  await expect(
    session.run({ tokens: { type: "int64", shape: [1, 2], data } }),
  ).rejects.toMatchObject({
    code: "runtime/run-failed",
    exitCode: 3,
    hint: expect.stringContaining("vocabulary"),
  });
  await session.close();
});
