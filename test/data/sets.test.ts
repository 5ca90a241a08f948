import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeJson } from "../../src/core/files.ts";
import { openDataset } from "../../src/data/dataset.ts";
import { peekAt } from "../../src/data/peek.ts";

/** Two tables of numbers under one input, and a config that takes them together. */
function folder(sizes: readonly [number, number], other = "x"): string {
  const at = mkdtempSync(join(tmpdir(), "sets-"));
  sizes.forEach((size, set) => {
    const rows = Array.from({ length: size }, (_, row) => `${100 * set + row}`);
    writeFileSync(join(at, `${set}.csv`), `x\n${rows.join("\n")}\n`);
    writeJson(join(at, `${set}.json`), {
      schema: "mdp-dataset/2",
      splits: set === 0 ? { train: "", test: "" } : { train: "" },
      inputs: { [set === 0 ? "x" : other]: { from: "table", path: `${set}.csv`, columns: ["x"] } },
    });
  });
  writeJson(join(at, "both.json"), { schema: "mdp-dataset/2", sets: ["0.json", "1.json"] });
  return join(at, "both.json");
}

async function values(path: string, seed?: number): Promise<number[]> {
  const dataset = await openDataset(path, { split: "train" });
  const found: number[] = [];
  for await (const { feeds } of dataset.batches(2, { seed })) {
    found.push(...Array.from(feeds["x"]?.data ?? [], Number));
  }
  return found;
}

test("sets of one size are read in turns, others one behind the other, and nothing is lost in a shuffle", async () => {
  expect(await values(folder([3, 3]))).toEqual([0, 100, 1, 101, 2, 102]);
  expect(await values(folder([1, 3]))).toEqual([0, 100, 101, 102]);
  const mixed = await values(folder([3, 3]), 4);
  expect(mixed).not.toEqual([0, 100, 1, 101, 2, 102]);
  expect([...mixed].sort((a, b) => a - b)).toEqual([0, 1, 2, 100, 101, 102]);
});

test("several sets have the splits that all of them have, and feed the same inputs", async () => {
  expect(peekAt(folder([2, 2])).splits).toEqual(["train"]);
  await expect(openDataset(folder([2, 2], "y"), { split: "train" })).rejects.toMatchObject({
    code: "data/sets-differ",
  });
  const at = mkdtempSync(join(tmpdir(), "sets-"));
  writeJson(join(at, "one.json"), { schema: "mdp-dataset/2", sets: ["0.json"] });
  await expect(openDataset(join(at, "one.json"))).rejects.toMatchObject({
    code: "data/bad-config",
  });
});
