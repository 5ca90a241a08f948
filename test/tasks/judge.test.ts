import { expect, test } from "vitest";
import type { Dataset } from "../../src/data/dataset.ts";
import type { SampleBatch } from "../../src/runtime/batches.ts";
import type { Feed, Feeds } from "../../src/runtime/session.ts";
import { type Judged, judge } from "../../src/tasks/judge.ts";
import type { Metric } from "../../src/tasks/metric.ts";
import { cosineToOriginal } from "../../src/tasks/metrics/agreement.ts";
import { topMetric } from "../../src/tasks/metrics/classification.ts";
import { planTask, type TaskQuestion } from "../../src/tasks/plan.ts";

const floats = (shape: readonly number[], data: readonly number[]): Feed => ({
  ...{ type: "float32", shape, data: Float32Array.from(data) },
});

/** A network that multiplies its two numbers by a matrix of two rows; runs `fixed` samples at a time where given. */
function network(name: string, matrix: readonly number[], fixed: number | string): Judged {
  const [a = 0, b = 0, c = 0, d = 0] = matrix;
  const run = async (feeds: Feeds): Promise<Record<string, Feed>> => {
    const x = feeds["x"]?.data as Float32Array;
    const rows = x.length / 2;
    if (typeof fixed === "number" && rows !== fixed) throw new Error(`${rows} rows`);
    const y = Array.from({ length: rows }, (_, row) => {
      const [p = 0, q = 0] = x.subarray(2 * row, 2 * row + 2);
      return [a * p + b * q, c * p + d * q];
    });
    return { y: floats([rows, 2], y.flat()) };
  };
  return {
    name,
    session: {
      inputs: [{ name: "x", type: "float32", shape: [fixed, 2] }],
      outputs: [{ name: "y", type: "float32", shape: [fixed, 2] }],
      run,
    },
  };
}

const samples: SampleBatch = {
  size: 3,
  feeds: { x: floats([3, 2], [1, 0, 0, 1, 3, 2]) },
  labels: Int32Array.of(0, 1, 1),
};
const dataset = {
  path: "memory",
  count: 3,
  batches: async function* () {
    await Promise.resolve();
    yield samples;
  },
} as unknown as Dataset;

test("every sample gives evidence of every network, also where networks fix their batch; the first is what others are compared with", async () => {
  const networks = [
    network("whole", [1, 0, 0, 1], "batch"),
    network("turned", [0, 1, 1, 0], 2),
    network("single", [1, 0, 0, 1], 1),
  ];
  const found = await judge(networks, dataset, {
    metrics: [topMetric(1) as unknown as Metric],
    agreement: [cosineToOriginal("y") as unknown as Metric],
  });
  expect(found.map(({ metrics }) => metrics[0])).toEqual([
    [1, 1, 0],
    [0, 0, 1],
    [1, 1, 0],
  ]);
  expect(found[2]?.agreement[0]).toEqual([1, 1, 1].map((one) => expect.closeTo(one, 6)));
  expect(found[1]?.agreement[0]).toEqual([0, 0, 12 / 13].map((one) => expect.closeTo(one, 6)));
});

const question: TaskQuestion = {
  outputs: [{ name: "y", shape: [10] }],
  target: { kind: "none" },
  classes: null,
  input: { height: 64, width: 64 },
};

test.each([
  ["a class", { target: { kind: "class", label: 1 } }, "classification"],
  ["several classes", { target: { kind: "classes", labels: [] } }, "multi-label"],
  ["numbers", { target: { kind: "values", values: {} } }, "regression"],
  ["nothing", {}, "agreement"],
  [
    "nothing, and two outputs alike",
    {
      outputs: [
        { name: "image", shape: [8] },
        { name: "text", shape: [8] },
      ],
    },
    "retrieval",
  ],
] as const)("the task is guessed from targets that are %s, and that is said", (_, more, task) => {
  const plan = planTask({ ...question, ...more });
  expect(plan.task).toBe(task);
  expect(plan.notes).toEqual([expect.stringContaining(task)]);
  expect(plan.agreement.length).toBeGreaterThan(0);
});

test.each([
  ["yolox", [[84, 7]]],
  ["yolov5", [[252, 7]]],
  ["yolov8", [[6, 84]]],
  [
    "boxes",
    [
      [300, 4],
      [300, 3],
    ],
  ],
  [
    "centres",
    [
      [3, 16, 16],
      [4, 16, 16],
    ],
  ],
] as const)("a head '%s' is recognised by its shapes", (kind, shapes) => {
  const outputs = shapes.map((shape, at) => ({ name: `out${at}`, shape }));
  const placement = { height: 64, width: 64, scale: [1, 1], offset: [0, 0] } as const;
  const plan = planTask({ ...question, outputs, target: { kind: "boxes", boxes: [], placement } });
  expect(plan.notes.join(" ")).toContain(`'${kind}'`);
});

test("unknown tasks, outputs and heads are refused", () => {
  const code = (more: Partial<TaskQuestion>): string => {
    try {
      planTask({ ...question, ...more });
    } catch (error) {
      return error instanceof Error && "code" in error ? String(error.code) : "";
    }
    return "";
  };
  expect(code({ task: "dance" })).toBe("tasks/unknown-task");
  expect(code({ chosen: ["z"] })).toBe("tasks/no-output");
  expect(code({ task: "detection" })).toBe("tasks/unknown-head");
});
