import { Matrix } from "ml-matrix";
import { describe, expect, test } from "vitest";
import { randomFrom } from "../../../src/core/random.ts";
import { floatTensor } from "../../../src/graph/tensor.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { proveCut } from "../../../src/subnet/prove.ts";
import { momentRoot, newBasis, WHITE } from "../../../src/subnet/rebase/head-basis.ts";
import { rebaseGraph } from "../../../src/subnet/rebase/rebase.ts";
import { keepAll } from "../../../src/subnet/subnet.ts";
import { TRANSFORMERS } from "../../helpers/transformers.ts";

const SEED = 71;

function drawn(rows: number, columns: number, seed: number): Matrix {
  const random = randomFrom(seed);
  return new Matrix(
    Array.from({ length: rows }, () => Array.from({ length: columns }, () => random.normal())),
  );
}

function apart(left: Matrix, right: Matrix): number {
  return Matrix.sub(left, right).norm("frobenius") / Math.max(1e-30, left.norm("frobenius"));
}

function firstColumns(matrix: Matrix, count: number): Matrix {
  return matrix.subMatrix(0, matrix.rows - 1, 0, count - 1);
}

describe("the basis of a head", () => {
  const cases = {
    "of full rank": [drawn(12, 4, 1), drawn(9, 4, 2)],
    "of rank two": [drawn(12, 2, 3).mmul(drawn(2, 4, 4)), drawn(9, 4, 5)],
    "of zeros": [Matrix.zeros(12, 4), drawn(9, 4, 6)],
    "with equal columns": [drawn(12, 1, 7).mmul(Matrix.ones(1, 4)), drawn(9, 4, 8)],
    "with more columns than rows": [drawn(3, 5, 9), drawn(9, 5, 10)],
  } as const;

  test.each(Object.entries(cases))("%s gives the same product", (_name, [left, right]) => {
    const root = momentRoot(
      Float64Array.from(
        drawn(left.rows, 30, 11)
          .mmul(drawn(left.rows, 30, 11).transpose())
          .to1DArray(),
      ),
      left.rows,
    );
    for (const each of [WHITE, root]) {
      const basis = newBasis(left, right, each, WHITE);
      const before = left.mmul(right.transpose());
      expect(Matrix.sub(before, basis.left.mmul(basis.right.transpose())).norm()).toBeLessThan(
        1e-9 * Math.max(1, before.norm()),
      );
    }
  });

  test("has the best approximation of every rank in its first columns", () => {
    const [left, right] = [drawn(12, 6, 12), drawn(10, 6, 13)];
    const product = left.mmul(right.transpose());
    const { left: a, right: b, singularValues } = newBasis(left, right, WHITE, WHITE);
    for (let rank = 1; rank < 6; rank += 1) {
      const kept = firstColumns(a, rank).mmul(firstColumns(b, rank).transpose());
      const lost = singularValues.slice(rank).reduce((sum, value) => sum + value * value, 0);
      // Eckart and Young: what is lost is exactly the rest of the singular values, and no rank-k matrix loses less.
      expect(Matrix.sub(product, kept).norm() ** 2).toBeCloseTo(lost, 8);
      expect(
        apart(product, firstColumns(left, rank).mmul(firstColumns(right, rank).transpose())),
      ).toBeGreaterThan(apart(product, kept));
    }
  });
});

/** Pairs of networks that don't have four. */
const PAIRS: Readonly<Record<string, number>> = {
  ...{ crossAttention: 2, hybrid: 2, rotary: 2, onnxruntimeRotary: 2, standardRotary: 2 },
  ...{ onnxruntimeGroupQuery: 2, alternatingSplit: 0 },
};

describe.each(Object.entries(TRANSFORMERS))("the network %s", (name, make) => {
  const graph = make();
  const structure = findStructure(graph);

  test("computes the same after a change of basis, and its weights have changed where nothing reads single columns", async () => {
    const { graph: rebased, pairs, refused } = rebaseGraph(structure);
    const proof = await proveCut(modelOf(graph), structure, keepAll(structure), rebased, {
      ...{ layers: false, runs: 1, seed: SEED },
    });
    expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
    // Query with key and value with output: of two blocks, or of one.
    // What is rotated keeps its columns, and so do projections that share one dim.
    expect(pairs).toHaveLength(PAIRS[name] ?? 4);
    if (pairs.length > 0) expect(rebased).not.toBe(structure.graph);
    if (/rotary|GroupQuery/i.test(name)) {
      expect(refused.map(({ reason }) => reason).join()).toMatch(
        /reads single columns|reads the columns too/,
      );
    }
  });
});

test("a wrong basis does not pass the proof", async () => {
  const graph = TRANSFORMERS.separate();
  const structure = findStructure(graph);
  const { graph: rebased } = rebaseGraph(structure);
  const name = "blocks.0.attn.k_proj.weight";
  const tensor = rebased.initializers.get(name);
  if (tensor === undefined) throw new Error(name);
  const values = new Float32Array(tensor.bytes().slice().buffer).map((value) => value * 1.01);
  const initializers = new Map(rebased.initializers).set(name, floatTensor(tensor.shape, values));
  await expect(
    proveCut(
      modelOf(graph),
      structure,
      keepAll(structure),
      { ...rebased, initializers },
      {
        ...{ layers: false, runs: 1 },
      },
    ),
  ).rejects.toMatchObject({ code: "subnet/proof-failed" });
});
