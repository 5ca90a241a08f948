import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { differentiate } from "../../src/gradients/differentiate.ts";
import type { Lossy } from "../../src/gradients/losses.ts";
import { contrastive, crossModalDistillation } from "../../src/gradients/pairs.ts";
import { graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { type Feeds, openSession } from "../../src/runtime/session.ts";
import { centreLoss, centreTargets } from "../../src/tasks/losses/centres.ts";
import { indexCrossEntropy, multiLabelCrossEntropy } from "../../src/tasks/losses/classes.ts";
import { regressionLoss } from "../../src/tasks/losses/regression.ts";
import { bytesOfModel } from "../helpers/ort.ts";

interface Values {
  readonly [name: string]: { readonly shape: readonly number[]; readonly data: Float64Array };
}

/** A graph whose outputs are given numbers, which the gradient is taken by. */
function constants(values: Values, opset = 17): Graph {
  const b = graphBuilder({ opset, name: "constants" });
  for (const [name, { shape, data }] of Object.entries(values)) {
    b.tensor(`${name}.weight`, floatTensor(shape, data));
    b.output(b.node("Identity", [`${name}.weight`], { outputs: [name] }), shape);
  }
  return b.graph();
}

function drawn(seed: number, shapes: Readonly<Record<string, readonly number[]>>): Values {
  const random = randomFrom(seed);
  return Object.fromEntries(
    Object.entries(shapes).map(([name, shape]) => {
      const length = shape.reduce((product, extent) => product * extent, 1);
      return [name, { shape, data: Float64Array.from({ length }, random.normal) }];
    }),
  );
}

/** Compares a loss and its gradient in onnxruntime with a plain function and its central differences. */
async function check(
  values: Values,
  append: (graph: Graph) => Lossy,
  feeds: Feeds,
  plain: (values: Values) => number,
  opset = 17,
): Promise<void> {
  const { graph, loss } = append(constants(values, opset));
  const names = Object.keys(values).map((name) => `${name}.weight`);
  const made = differentiate(graph, { loss, withRespectTo: names });
  const outputs = [loss, ...made.gradients.values()].map((name) => ({
    ...{ name, type: "float32" as const, shape: null },
  }));
  const session = await openSession(bytesOfModel(modelOf({ ...made.graph, outputs })));
  const found = await session.run(feeds);
  await session.close();
  const numbers = (name: string): Float32Array => found[name]?.data as Float32Array;
  expect(numbers(loss)[0]).toBeCloseTo(plain(values), 4);
  for (const [name, value] of Object.entries(values)) {
    const gradient = numbers(made.gradients.get(`${name}.weight`) ?? "");
    for (const [at, before] of value.data.entries()) {
      const moved = (step: number): number => {
        const data = value.data.with(at, before + step);
        return plain({ ...values, [name]: { ...value, data } });
      };
      const wanted = (moved(1e-5) - moved(-1e-5)) / 2e-5;
      expect(Math.abs((gradient[at] ?? Number.NaN) - wanted)).toBeLessThan(2e-4);
    }
  }
}

const logSum = (row: readonly number[]): number =>
  Math.log(row.reduce((sum, each) => sum + Math.exp(each), 0));
const of = (values: Values, name: string): Float64Array => values[name]?.data ?? new Float64Array();

describe("cross entropy of indices", () => {
  const values = drawn(1, { z: [2, 3, 2, 2] });
  const labels = [0, 2, 255, 1, 1, 1, -1, 0];
  const feeds: Feeds = {
    labels: { type: "int64", shape: [2, 2, 2], data: BigInt64Array.from(labels, BigInt) },
  };
  const plain = (all: Values): number => {
    const z = of(all, "z");
    let [sum, count] = [0, 0];
    for (const [position, label] of labels.entries()) {
      if (label < 0 || label > 2) continue;
      const [image, pixel] = [Math.floor(position / 4), position % 4];
      const row = [0, 1, 2].map((k) => z[image * 12 + k * 4 + pixel] ?? 0);
      sum += logSum(row) - (row[label] ?? 0);
      count += 1;
    }
    return sum / count;
  };
  test.each([17, 11])("pixels with an ignored index, opset %i", async (opset) => {
    const append = (graph: Graph): Lossy =>
      indexCrossEntropy(graph, { logits: "z", axis: 1, labels: "labels" });
    await check(values, append, feeds, plain, opset);
  });

  test("tokens along the last axis, and no label at all gives 0", async () => {
    const tokens = drawn(2, { z: [2, 2, 5] });
    const ids: Feeds = {
      labels: { type: "int64", shape: [2, 2], data: BigInt64Array.of(4n, -100n, 0n, 3n) },
    };
    const append = (graph: Graph): Lossy =>
      indexCrossEntropy(graph, { logits: "z", axis: 2, labels: "labels" });
    await check(tokens, append, ids, (all) => {
      const z = [...of(all, "z")];
      const surprise = (row: number, label: number): number =>
        logSum(z.slice(row * 5, row * 5 + 5)) - (z[row * 5 + label] ?? 0);
      return (surprise(0, 4) + surprise(2, 0) + surprise(3, 3)) / 3;
    });
    const none: Feeds = {
      labels: { type: "int64", shape: [2, 2], data: new BigInt64Array(4).fill(-1n) },
    };
    await check(tokens, append, none, () => 0);
  });
});

test("several labels at once: unknown ones count for nothing", async () => {
  const values = drawn(3, { z: [2, 3] });
  const targets = [1, 0, -1, 0, 1, 1];
  const feeds: Feeds = {
    t: { type: "float32", shape: [2, 3], data: Float32Array.from(targets) },
  };
  await check(
    values,
    (graph) => multiLabelCrossEntropy(graph, { logits: "z", targets: "t" }),
    feeds,
    (all) => {
      const each = targets.map((t, at) => {
        const s = 1 / (1 + Math.exp(-(of(all, "z")[at] ?? 0)));
        return t < 0 ? 0 : -(t * Math.log(s) + (1 - t) * Math.log(1 - s));
      });
      return each.reduce((sum, one) => sum + one, 0) / 5;
    },
  );
});

test.each(["square", "absolute"] as const)("%s distance to given numbers", async (distance) => {
  const values = drawn(4, { y: [2, 3] });
  const wanted = [0.5, -1, 2, 0, 1.5, -0.25];
  await check(
    values,
    (graph) => regressionLoss(graph, { value: "y", target: "t", distance }),
    { t: { type: "float32", shape: [2, 3], data: Float32Array.from(wanted) } },
    (all) => {
      const gaps = wanted.map((t, at) => Math.abs((of(all, "y")[at] ?? 0) - t));
      return gaps.reduce((sum, gap) => sum + (distance === "square" ? gap * gap : gap), 0) / 6;
    },
  );
});

/** Cosines of the rows of two values with three columns. */
function cosines(all: Values, left: string, right: string): number[][] {
  const rows = (name: string): number[][] => {
    const data = [...of(all, name)];
    return [0, 1, 2].map((row) => data.slice(3 * row, 3 * row + 3));
  };
  const length = (row: readonly number[]): number => Math.hypot(...row);
  return rows(left).map((a) =>
    rows(right).map(
      (b) => a.reduce((sum, x, at) => sum + x * (b[at] ?? 0), 0) / length(a) / length(b),
    ),
  );
}
const turned = (m: readonly (readonly number[])[]): number[][] =>
  m.map((_, column) => m.map((row) => row[column] ?? 0));

describe("pairs of embeddings", () => {
  const values = drawn(5, { a: [3, 3], b: [3, 3] });
  const temperature = 0.5;

  test("contrastive: the own partner among all, both ways", async () => {
    await check(
      values,
      (graph) => contrastive(graph, { left: "a", right: "b", temperature }),
      {},
      (all) => {
        const s = cosines(all, "a", "b").map((row) => row.map((each) => each / temperature));
        const oneWay = (m: number[][]): number =>
          m.reduce((sum, row, at) => sum + logSum(row) - (row[at] ?? 0), 0) / 3;
        return (oneWay(s) + oneWay(turned(s))) / 2;
      },
    );
  });

  test("distillation of all pairs: the teacher's similarities, both ways; nothing where they agree", async () => {
    const teacher = drawn(6, { p: [3, 3], q: [3, 3] });
    const append = (graph: Graph): Lossy =>
      crossModalDistillation(graph, {
        ...{ left: "a", right: "b", teacherLeft: "p", teacherRight: "q", temperature },
      });
    const feedsOf = (from: Values, left: string, right: string): Feeds => ({
      p: { type: "float32", shape: [3, 3], data: Float32Array.from(of(from, left)) },
      q: { type: "float32", shape: [3, 3], data: Float32Array.from(of(from, right)) },
    });
    const plain = (all: Values): number => {
      const own = cosines(all, "a", "b").map((row) => row.map((each) => each / temperature));
      const wanted = cosines(teacher, "p", "q").map((r) => r.map((each) => each / temperature));
      const oneWay = (q: number[][], p: number[][]): number =>
        p.reduce((sum, row, i) => {
          const other = q[i] ?? [];
          return (
            sum +
            row.reduce((part, each, j) => {
              const log = each - logSum(row);
              return part + Math.exp(log) * (log - ((other[j] ?? 0) - logSum(other)));
            }, 0)
          );
        }, 0) / 3;
      return (oneWay(own, wanted) + oneWay(turned(own), turned(wanted))) / 2;
    };
    await check(values, append, feedsOf(teacher, "p", "q"), plain);
    const { graph, loss } = append(constants(values));
    const outputs = [{ name: loss, type: "float32" as const, shape: null }];
    const session = await openSession(bytesOfModel(modelOf({ ...graph, outputs })));
    const same = (await session.run(feedsOf(values, "a", "b")))[loss];
    await session.close();
    expect(Math.abs(Number(same?.data[0]))).toBeLessThan(1e-5);
  });

  test("values that are no two rows per sample are refused", () => {
    const graph = constants(drawn(7, { a: [3, 3], b: [3, 4] }));
    expect(() => contrastive(graph, { left: "a", right: "b" })).toThrowError(
      expect.objectContaining({ code: "tasks/not-embeddings", exitCode: 3 }),
    );
  });
});

describe("centres", () => {
  const grid = { classes: 2, rows: 3, columns: 3, stride: 4 };
  const box = { left: 2, top: 2, right: 10, bottom: 6, label: 1 };

  test("targets: a one at the centre's cell, the distances to the sides in cells there, -1 elsewhere", () => {
    const { centres, distances } = centreTargets(
      [box, { ...box, label: 0, ignored: "crowd" }],
      grid,
    );
    // The centre (6, 4) lies in row 1, column 1, whose middle is (1.5, 1.5) cells.
    expect(centres[9 + 4]).toBe(1);
    expect(Math.max(...centres.slice(0, 9))).toBe(0);
    expect(centres[9 + 5]).toBeCloseTo(Math.exp(-1 / (2 * (1 / 3) ** 2)), 6);
    expect([0, 1, 2, 3].map((side) => distances[side * 9 + 4])).toEqual([1, 1, 1, 0]);
    expect(distances.filter((each) => each >= 0)).toHaveLength(4);
  });

  test("the loss is the focal loss and the distance at the centres, over their number", async () => {
    const values = drawn(8, { h: [1, 2, 3, 3], s: [1, 4, 3, 3] });
    const { centres, distances } = centreTargets([box], grid);
    const feeds: Feeds = {
      c: { type: "float32", shape: [1, 2, 3, 3], data: centres },
      d: { type: "float32", shape: [1, 4, 3, 3], data: distances },
    };
    await check(
      values,
      (graph) =>
        centreLoss(graph, {
          ...{ heatmap: "h", sides: "s", centres: "c", distances: "d", sideWeight: 0.5 },
        }),
      feeds,
      (all) => {
        let sum = 0;
        for (const [at, y] of centres.entries()) {
          const p = 1 / (1 + Math.exp(-(of(all, "h")[at] ?? 0)));
          sum -= y === 1 ? (1 - p) ** 2 * Math.log(p) : (1 - y) ** 4 * p ** 2 * Math.log(1 - p);
        }
        for (const [at, wanted] of distances.entries()) {
          if (wanted >= 0) sum += 0.5 * Math.abs((of(all, "s")[at] ?? 0) - wanted);
        }
        return sum;
      },
    );
  });
});

test("a batch of one pair is too small for a loss of pairs", () => {
  const b = graphBuilder({ opset: 17 });
  for (const name of ["a", "b"]) b.input(name, [1, 3]);
  b.output(b.node("Add", ["a", "b"]), [1, 3]);
  const graph = b.graph();
  const small = expect.objectContaining({ code: "tasks/batch-too-small", exitCode: 3 });
  expect(() => contrastive(graph, { left: "a", right: "b" })).toThrowError(small);
  const teachers = { teacherLeft: "ta", teacherRight: "tb" };
  expect(() => crossModalDistillation(graph, { left: "a", right: "b", ...teachers })).toThrowError(
    small,
  );
});
