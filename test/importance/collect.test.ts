import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import type { DataMethod } from "../../src/importance/importance.ts";
import { UNNAMED } from "../../src/runtime/batches.ts";
import { imagesOf } from "../helpers/samples.ts";
import { randomBatches, scoresIn, scoresOn, smoothNetwork, streamed } from "../helpers/scored.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-collect-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const graph = smoothNetwork();
const batches = randomBatches(6, [2, 3, 4, 4]);

for (const method of ["taylor-bn", "activation", "reconstruction"] satisfies DataMethod[]) {
  test(`${method}: a pass that was stopped resumes where it stopped, to the same bytes`, async () => {
    const partialPath = join(folder, `${method}.json`);
    const whole = await scoresOn(graph, batches, { method });
    expect(await scoresOn(graph, batches, { method })).toEqual(whole);
    const stop = new AbortController();
    const seen: number[] = [];
    const progress = {
      note: () => {},
      step: (_: string, done: number) => {
        seen.push(done);
        if (done === 6) stop.abort();
      },
    };
    await expect(
      scoresOn(graph, batches, { method, partialPath, progress, signal: stop.signal }),
    ).rejects.toMatchObject({ code: "importance/interrupted", exitCode: 130 });
    expect(seen).toEqual([2, 4, 6]);
    expect(existsSync(partialPath)).toBe(true);
    const rest: number[] = [];
    const watched = { note: () => {}, step: (_: string, done: number) => void rest.push(done) };
    const resumed = await scoresOn(graph, batches, { method, partialPath, progress: watched });
    expect(rest).toEqual([8, 10, 12]);
    expect(resumed).toEqual(whole);
  });
}

test("sums of other settings or a damaged file are not taken over, and changed images are an error", async () => {
  const partialPath = join(folder, "stopped.json");
  const stop = new AbortController();
  const progress = { note: () => {}, step: () => stop.abort() };
  const options = { method: "activation", partialPath } as const;
  await expect(
    scoresOn(graph, batches, { ...options, progress, signal: stop.signal }),
  ).rejects.toMatchObject({ code: "importance/interrupted" });
  const changed = randomBatches(6, [2, 3, 4, 4], 5, 9);
  await expect(scoresOn(graph, changed, options)).rejects.toMatchObject({
    code: "importance/other-images",
  });
  const alone = await scoresOn(graph, changed, { ...options, partialPath: undefined });
  expect(await scoresOn(graph, changed, { ...options, networkHash: "other" })).toEqual({
    ...alone,
    networkHash: "other",
  });
  writeFileSync(partialPath, readFileSync(partialPath, "utf8").slice(0, 200));
  expect(await scoresOn(graph, changed, options)).toEqual(alone);
});

test("activation is the mean size of a unit behind its activation function", async () => {
  const scores = await scoresOn(graph, batches, { method: "activation" });
  expect(scores.data).toMatchObject({ images: 12, batch: 2, labels: null });
  for (const score of scoresIn(scores, "third", "third")) {
    expect(score).toBeGreaterThan(0);
    expect(score).toBeLessThan(1);
  }
});

test("batches weigh the same: a smaller last one is left out, unless it is the only one", async () => {
  const [small] = randomBatches(1, [1, 3, 4, 4], 5, 3);
  if (small === undefined) throw new Error("no batch");
  const method = "taylor-bn";
  const whole = await scoresOn(graph, batches, { method });
  expect(await scoresOn(graph, [...batches, small], { method, images: 12 })).toEqual(whole);
  const only = await scoresOn(graph, [small], { method });
  expect(only.data?.images).toBe(1);
});

test("images that are none, don't fit, or aren't numbers are errors with codes", async () => {
  const method = "activation";
  await expect(scoresOn(graph, [], { method })).rejects.toMatchObject({
    code: "importance/no-images",
  });
  await expect(scoresOn(graph, randomBatches(1, [2, 3, 5, 5]), { method })).rejects.toMatchObject({
    code: "data/shape-mismatch",
  });
  const broken = randomBatches(1, [2, 3, 4, 4]).map((batch) => ({
    ...batch,
    feeds: { [UNNAMED]: { ...imagesOf(batch), data: imagesOf(batch).data.fill(Number.NaN) } },
  }));
  await expect(scoresOn(graph, broken, { method })).rejects.toMatchObject({
    code: "importance/not-finite",
    exitCode: 3,
  });
  await expect(
    scoresOn(graph, batches, {
      method,
      batches: () => streamed(batches),
      partialPath: join(folder, "no/such/\0folder"),
      signal: AbortSignal.abort(),
    }),
  ).rejects.toMatchObject({ code: "core/write-failed" });
});
