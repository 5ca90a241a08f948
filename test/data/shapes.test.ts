import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { sha256 } from "../../src/core/files.ts";
import { SILENT } from "../../src/core/progress.ts";
import { openDataset } from "../../src/data/dataset.ts";
import { shapeRecords, writeShapeSet } from "../../src/data/shape-files.ts";
import { polygonOutline, SHAPES } from "../../src/data/shape-outlines.ts";
import { drawShape, SHAPE_NAMES } from "../../src/data/shapes.ts";
import { imagesOf } from "../helpers/samples.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-shapes-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function hashOf(set: Parameters<typeof shapeRecords>[0], count: number): string {
  return sha256(Buffer.concat([...shapeRecords(set, count, SILENT)]));
}

test("the same seed gives the same bytes on every platform", () => {
  // Golden: the embedded network was trained on these bytes. Other bytes mean another data set.
  expect(hashOf({ size: 64, seed: 1, split: "test" }, 50)).toBe(
    "7b775cab574f474b69d5e5efbfc76a7bf09378e65980ea0a28d0424349ffa582",
  );
  expect(hashOf({ size: 32, seed: 7, split: "train" }, 50)).toBe(
    "ab087b345fba83f85b200a1be2bbb5c360624567aeadd284165a16b46a4baea6",
  );
});

test("another seed, another split and another index give other pictures", () => {
  const pictures = [
    drawShape({ size: 32, seed: 1, split: "train" }, 0),
    drawShape({ size: 32, seed: 2, split: "train" }, 0),
    drawShape({ size: 32, seed: 1, split: "test" }, 0),
    drawShape({ size: 32, seed: 1, split: "train" }, 10),
  ];
  expect(new Set(pictures.map(({ pixels }) => sha256(pixels))).size).toBe(4);
});

test("labels take turns, so that every prefix is balanced", () => {
  const set = { size: 16, seed: 1, split: "train" } as const;
  const labels = Array.from({ length: 20 }, (_, index) => drawShape(set, index).label);
  expect(labels.slice(0, 10)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  expect(labels.slice(10)).toEqual(labels.slice(0, 10));
});

test("outlines fit into the unit circle and enclose something", () => {
  for (const { name, outline } of SHAPES) {
    let inside = 0;
    for (let row = 0; row < 60; row += 1) {
      for (let column = 0; column < 60; column += 1) {
        const [x, y] = [column / 20 - 1.475, row / 20 - 1.475];
        if (outline(x, y) > 0) continue;
        inside += 1;
        expect(Math.hypot(x, y), name).toBeLessThanOrEqual(1.05);
      }
    }
    expect(inside, name).toBeGreaterThan(100);
  }
});

test("the distance to a square is exact inside, beside and at its corner", () => {
  const square = polygonOutline([-1, -1, 1, -1, 1, 1, -1, 1]);
  expect(square(0, 0)).toBe(-1);
  expect(square(0.75, 0)).toBe(-0.25);
  expect(square(3, 0)).toBe(2);
  expect(square(4, 5)).toBe(5);
});

test("a drawn set opens by its folder, with splits, names and pre-processing", async () => {
  const out = join(folder, "records");
  const options = { size: 16, seed: 3, train: 30, test: 20, format: "records" } as const;
  await writeShapeSet(out, options, SILENT);
  const testSplit = await openDataset(out);
  expect(testSplit.count).toBe(20);
  expect(testSplit.classes).toEqual(SHAPE_NAMES);
  expect((await openDataset(out, { split: "train" })).count).toBe(30);
  const { pixels } = drawShape({ size: 16, seed: 3, split: "test" }, 0);
  for await (const batch of testSplit.batches(8, { limit: 20 })) {
    expect(imagesOf(batch).shape).toEqual([8, 3, 16, 16]);
    const expected = Array.from(pixels, (byte) => Math.fround((byte / 255 - 0.5) / 0.25));
    for (const [index, value] of expected.entries()) {
      expect(imagesOf(batch).data[index]).toBeCloseTo(value, 5);
    }
    break;
  }
  await expect(openDataset(out, { split: "validation" })).rejects.toMatchObject({
    code: "data/not-found",
  });
});

test("a set drawn as PNG holds the same pictures as one drawn as records", async () => {
  const out = join(folder, "png");
  await writeShapeSet(out, { size: 16, seed: 3, train: 0, test: 20, format: "png" }, SILENT);
  expect(readdirSync(join(out, "test")).sort()).toEqual([...SHAPE_NAMES].sort());
  const records = join(folder, "again");
  await writeShapeSet(
    records,
    { size: 16, seed: 3, train: 0, test: 20, format: "records" },
    SILENT,
  );
  const seen: Record<string, Set<string>> = {};
  for (const path of [out, records]) {
    const keys = new Set<string>();
    for await (const batch of (await openDataset(path)).batches(1)) {
      const { data } = imagesOf(batch);
      keys.add(`${batch.labels[0]} ${sha256(new Uint8Array(data.buffer))}`);
    }
    seen[path] = keys;
  }
  expect(seen[out]?.size).toBe(20);
  expect(seen[out]).toEqual(seen[records]);
  expect(readFileSync(join(records, "train.bin")).length).toBe(0);
});
