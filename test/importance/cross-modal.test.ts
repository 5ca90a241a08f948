import { expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { type GraphBuilder, graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatsOf, floatTensor } from "../../src/graph/tensor.ts";
import { similarityDamage } from "../../src/importance/cross-modal/comparison.ts";
import { gaussNewtonScorer } from "../../src/importance/cross-modal/gauss-newton.ts";
import { modalitiesOf } from "../../src/importance/cross-modal/modalities.ts";
import { scoreWithData } from "../../src/importance/data/score-data.ts";
import { modelOf } from "../../src/onnx/model.ts";
import type { SampleBatch } from "../../src/runtime/batches.ts";
import { findStructure } from "../../src/structure/find-structure.ts";

const [BATCH, WIDTH, HIDDEN] = [6, 3, 4];

/** Two towers of two layers each, and an output of both. Unit 3 of each tower's hidden layer is read with zeros. */
function towers(options: { readonly rightWidth?: number; readonly texts?: boolean } = {}): Graph {
  const { rightWidth = WIDTH, texts = true } = options;
  const b = graphBuilder({ opset: 17 });
  const random = randomFrom(11);
  const image = tower(b, "image", 5, WIDTH, random.normal);
  b.output(image, ["batch", WIDTH]);
  if (!texts) return b.graph();
  const text = tower(b, "text", 4, rightWidth, random.normal);
  b.output(text, ["batch", rightWidth]);
  const both = b.node("Concat", [image, text], { attributes: { axis: 1 } });
  b.tensor(
    "fused.weight",
    floatTensor([WIDTH + rightWidth, 2], draws(2 * (WIDTH + rightWidth), random.normal)),
  );
  b.output(b.node("MatMul", [both, "fused.weight"], { outputs: ["fused"], name: "fused" }), [
    "batch",
    2,
  ]);
  return b.graph();
}

function draws(count: number, normal: () => number): Float32Array {
  return Float32Array.from({ length: count }, () => 0.6 * normal());
}

function tower(
  b: GraphBuilder,
  name: string,
  from: number,
  to: number,
  normal: () => number,
): string {
  b.input(`${name}_in`, ["batch", from]);
  const second = draws(HIDDEN * to, normal).fill(0, (HIDDEN - 1) * to);
  b.tensor(`${name}.1.weight`, floatTensor([from, HIDDEN], draws(from * HIDDEN, normal)));
  b.tensor(`${name}.2.weight`, floatTensor([HIDDEN, to], second));
  const first = b.node("MatMul", [`${name}_in`, `${name}.1.weight`], { name: `${name}.1` });
  const hidden = b.node("Tanh", [first], { name: `${name}.tanh` });
  return b.node("MatMul", [hidden, `${name}.2.weight`], {
    ...{ name: `${name}.2`, outputs: [`${name}_embed`] },
  });
}

function samples(count = BATCH): SampleBatch {
  const random = randomFrom(5);
  const feed = (width: number) =>
    ({
      type: "float32",
      shape: [count, width],
      data: Float32Array.from({ length: count * width }, () => random.normal()),
    }) as const;
  return {
    ...{ size: count, labels: new Int32Array(count).fill(-1) },
    feeds: { image_in: feed(5), text_in: feed(4) },
  };
}

test("the pair is the two outputs of one width that depend on different inputs, the joint ones depend on both", () => {
  expect(modalitiesOf(towers())).toEqual({ pair: ["image_embed", "text_embed"], joint: ["fused"] });
  expect(modalitiesOf(towers(), { pair: ["text_embed", "image_embed"], joint: [] })).toEqual({
    pair: ["text_embed", "image_embed"],
    joint: [],
  });
});

test("one tower, widths that differ, and names of nothing are refused", () => {
  const code = (run: () => unknown): string => {
    try {
      run();
    } catch (error) {
      return (error as { code: string }).code;
    }
    return "accepted";
  };
  expect(code(() => modalitiesOf(towers({ texts: false })))).toBe("importance/no-pair");
  expect(code(() => modalitiesOf(towers({ rightWidth: 2 })))).toBe("importance/no-pair");
  const named = { pair: ["image_embed", "text_embed"] };
  expect(code(() => modalitiesOf(towers({ rightWidth: 2 }), named))).toBe(
    "importance/widths-differ",
  );
  expect(code(() => modalitiesOf(towers(), { pair: ["image_embed"] }))).toBe("importance/no-pair");
  expect(code(() => modalitiesOf(towers(), { joint: ["nothing"] }))).toBe("graph/no-such-output");
});

test("a batch of two pairs is too small to compare similarities", () => {
  const pair = [new Float32Array(4), new Float32Array(4)] as const;
  expect(() => similarityDamage(pair, pair, 2)).toThrow(
    expect.objectContaining({ code: "importance/batch-too-small" }),
  );
});

test("the damage of similarities is that of the matrices centred by H = I - 11'/n on both sides", () => {
  const random = randomFrom(3);
  const matrix = () => Float32Array.from({ length: BATCH * WIDTH }, () => random.normal());
  const [left, right, otherLeft, otherRight] = [matrix(), matrix(), matrix(), matrix()];
  const centred = (a: Float32Array, b: Float32Array): number[][] => {
    const similar = range(BATCH).map((i) =>
      range(BATCH).map((j) =>
        range(WIDTH).reduce(
          (sum, at) => sum + (a[i * WIDTH + at] ?? 0) * (b[j * WIDTH + at] ?? 0),
          0,
        ),
      ),
    );
    const h = range(BATCH).map((i) => range(BATCH).map((j) => (i === j ? 1 : 0) - 1 / BATCH));
    return times(times(h, similar), h);
  };
  const [whole, cut] = [centred(left, right), centred(otherLeft, otherRight)];
  const sum = (of: (i: number, j: number) => number): number =>
    range(BATCH).reduce(
      (total, i) => total + range(BATCH).reduce((row, j) => row + of(i, j), 0),
      0,
    );
  const found = similarityDamage([left, right], [otherLeft, otherRight], BATCH);
  expect(found.size).toBeCloseTo(
    sum((i, j) => (whole[i]?.[j] ?? 0) ** 2),
    5,
  );
  expect(found.difference).toBeCloseTo(
    sum((i, j) => ((whole[i]?.[j] ?? 0) - (cut[i]?.[j] ?? 0)) ** 2),
    5,
  );
  // Both sides turned by the same rotation: every embedding moves, no similarity does.
  const turned = (of: Float32Array): Float32Array =>
    of.map((_, at) => {
      const [row, column] = [Math.floor(at / WIDTH), at % WIDTH];
      const [x = 0, y = 0, z = 0] = of.subarray(row * WIDTH, (row + 1) * WIDTH);
      return [0.6 * x - 0.8 * y, 0.8 * x + 0.6 * y, z][column] ?? 0;
    });
  expect(
    similarityDamage([left, right], [turned(left), turned(right)], BATCH).difference,
  ).toBeLessThan(1e-9);
});

function range(count: number): number[] {
  return Array.from({ length: count }, (_, at) => at);
}

function times(a: readonly (readonly number[])[], b: readonly (readonly number[])[]): number[][] {
  return a.map((row) =>
    (b[0] ?? []).map((_, j) => row.reduce((sum, value, k) => sum + value * (b[k]?.[j] ?? 0), 0)),
  );
}

test("random draws estimate the curvature that enumerating all partners and finite differences give", async () => {
  const graph = towers();
  const structure = findStructure(graph);
  const batch = samples();
  const temperature = 0.5;
  const scorer = await gaussNewtonScorer(modelOf(graph), structure, modalitiesOf(graph), {
    ...{ batch: BATCH, seed: 1, threads: 1, draws: 6000, temperature },
  });
  await scorer.add(batch, 0);
  const layer = structure.layers.find(({ name }) => name === "image.1");
  const scores = await scorer.scoresOf(layer?.index ?? -1, { batches: 1, images: BATCH, hash: "" });
  await scorer.close();
  const found = [...(scores?.values() ?? [])].flat();
  const estimated = Array.from(found.at(-1) as unknown as Float64Array);
  const exact = range(HIDDEN).map((unit) => curvature(graph, batch, unit, temperature));
  for (const [unit, value] of exact.entries()) {
    expect(Math.abs((estimated[unit] ?? 0) - value), `unit ${unit}`).toBeLessThan(
      0.08 * Math.max(...exact),
    );
  }
  expect(exact[HIDDEN - 1]).toBe(0);
  expect(estimated[HIDDEN - 1]).toBe(0);
});

/** The formula on top of gauss-newton.ts in 64 bits: all partners, the unit's incoming weights scaled by 1 +- h. */
function curvature(graph: Graph, batch: SampleBatch, unit: number, temperature: number): number {
  const step = 1e-4;
  const [more, less, here] = [1 + step, 1 - step, 1].map((factor) =>
    answers(graph, batch, unit, factor),
  );
  if (more === undefined || less === undefined || here === undefined) throw new Error("no answers");
  const log = (of: typeof here, way: "rows" | "columns", i: number, j: number): number => {
    const score = (k: number): number => {
      const [a, b] = way === "rows" ? [of.image[i], of.text[k]] : [of.image[k], of.text[i]];
      return (
        range(WIDTH).reduce((sum, at) => sum + (a?.[at] ?? 0) * (b?.[at] ?? 0), 0) / temperature
      );
    };
    return score(j) - Math.log(range(BATCH).reduce((sum, k) => sum + Math.exp(score(k)), 0));
  };
  let total = 0;
  for (const way of ["rows", "columns"] as const) {
    for (const i of range(BATCH)) {
      for (const j of range(BATCH)) {
        const slope = (log(more, way, i, j) - log(less, way, i, j)) / (2 * step);
        total += Math.exp(log(here, way, i, j)) * slope ** 2;
      }
    }
  }
  const means = range(2).map(
    (at) => here.fused.reduce((sum, row) => sum + (row[at] ?? 0), 0) / BATCH,
  );
  const variance =
    here.fused.reduce(
      (sum, row) => sum + row.reduce((s, x, at) => s + (x - (means[at] ?? 0)) ** 2, 0),
      0,
    ) / BATCH;
  for (const i of range(BATCH)) {
    for (const at of range(2)) {
      total +=
        (((more.fused[i]?.[at] ?? 0) - (less.fused[i]?.[at] ?? 0)) / (2 * step)) ** 2 / variance;
    }
  }
  return total / BATCH;
}

function answers(graph: Graph, { feeds }: SampleBatch, unit: number, factor: number) {
  const weights = (name: string): number[][] => {
    const tensor = graph.initializers.get(name);
    const [rows = 0, columns = 0] = tensor?.shape ?? [];
    const values = tensor === undefined ? new Float32Array() : floatsOf(tensor);
    return range(rows).map((row) =>
      range(columns).map((column) => values[row * columns + column] ?? 0),
    );
  };
  const side = (name: string): number[][] => {
    const feed = feeds[`${name}_in`];
    const width = feed?.shape[1] ?? 1;
    const rows = range(BATCH).map((row) =>
      range(width).map((at) => Number(feed?.data[row * width + at] ?? 0)),
    );
    const first = weights(`${name}.1.weight`).map((row) =>
      row.map((weight, at) => (name === "image" && at === unit ? weight * factor : weight)),
    );
    return times(
      times(rows, first).map((row) => row.map(Math.tanh)),
      weights(`${name}.2.weight`),
    );
  };
  const [image, text] = [side("image"), side("text")];
  const both = image.map((row, at) => [...row, ...(text[at] ?? [])]);
  return { image, text, fused: times(both, weights("fused.weight")) };
}

test("cross-modal scores say what cuts do to both towers; what nothing reads is worth nothing", async () => {
  const graph = towers();
  const structure = findStructure(graph);
  const importance = await scoreWithData(modelOf(graph), structure, {
    method: "cross-modal",
    batches: async function* () {
      yield samples(16);
    },
    images: 16,
    batch: 16,
  });
  const prunable = importance.dims.filter(({ layers }) => layers.length > 0);
  expect(prunable.map(({ units }) => units)).toEqual([HIDDEN, HIDDEN]);
  for (const { layers, order } of prunable) {
    const scores = layers[0]?.scores ?? [];
    expect(scores[HIDDEN - 1]).toBe(0);
    expect(order?.at(-1)).toBe(HIDDEN - 1);
    expect(Math.max(...scores)).toBeGreaterThan(0.05);
  }
});
