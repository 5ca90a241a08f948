import { expect, test } from "vitest";
import { UNNAMED } from "../../src/runtime/batches.ts";
import { planTask, type TaskQuestion } from "../../src/tasks/plan.ts";

const OUTPUTS = [
  { name: "image_embed", shape: [64] },
  { name: "fused", shape: [64] },
  { name: "answer", shape: [3] },
];
const QUESTION: TaskQuestion = {
  outputs: OUTPUTS,
  target: { kind: "class", label: 1 },
  classes: ["red", "green", "blue"],
  input: null,
};
const score = (plan: ReturnType<typeof planTask>, outputs: Readonly<Record<string, number[]>>) =>
  plan.metrics[0]?.perItem(
    Object.fromEntries(
      Object.entries(outputs).map(([name, values]) => [
        name,
        { type: "float32", shape: [values.length], data: Float32Array.from(values) } as const,
      ]),
    ),
    { kind: "class", label: 1 },
  );

test("classes are judged by the output that has a number for each, where the first has not", () => {
  const plan = planTask(QUESTION);
  expect(plan.notes.join(" ")).toContain("'answer' has the scores of the 3 classes");
  const right = { image_embed: [5, 0], fused: [5, 0], answer: [0, 1, 0] };
  expect(score(plan, right)).not.toEqual(score(plan, { ...right, answer: [1, 0, 0] }));
});

test("the first output is taken where it fits, where somebody chose it, and where several fit", () => {
  const note = (question: Partial<TaskQuestion>): string =>
    planTask({ ...QUESTION, ...question }).notes.join(" ");
  expect(note({ outputs: [{ name: "a", shape: [3] }, ...OUTPUTS] })).not.toContain("scores of");
  expect(note({ chosen: ["fused"] })).not.toContain("scores of");
  expect(note({ outputs: [...OUTPUTS, { name: "b", shape: [3, 1, 1] }] })).not.toContain(
    "scores of",
  );
});

test("an output of another width than the first network's is not compared with it number by number", () => {
  const agreement = (changed: readonly string[]) =>
    planTask({
      ...QUESTION,
      target: { kind: "none" },
      task: "retrieval",
      changed: new Set(changed),
    });
  expect(agreement([]).agreement.map(({ name }) => name)).toContain("cosine of image_embed");
  const plan = agreement(["image_embed"]);
  expect(plan.agreement.map(({ name }) => name)).toEqual(["cosine of fused", "cosine of answer"]);
  expect(plan.notes.join(" ")).toContain("'image_embed' has another width");
});

test("numbers are judged at the output that the data names, and a name that the network hasn't is refused", () => {
  const numbers = (output: string) => ({
    ...{ kind: "values" as const },
    values: { [output]: { type: "float32" as const, shape: [2], data: Float32Array.of(1, 1) } },
  });
  const feed = (...data: number[]) => ({
    ...{ type: "float32" as const, shape: [2], data: Float32Array.from(data) },
  });
  const answer = { points: feed(9, 9), angles: feed(1, 2) };
  const outputs = Object.keys(answer).map((name) => ({ name, shape: [2] }));
  const errorAt = (output: string, chosen?: readonly string[]): unknown => {
    const target = numbers(output);
    const plan = planTask({ ...QUESTION, classes: null, target, outputs, chosen });
    return plan.metrics.find(({ name }) => name === "MSE")?.perItem(answer, target);
  };
  expect(errorAt("angles")).toBe(0.5);
  expect(errorAt("points")).toBe(64);
  // Without a name the first output counts, as it does for data without names.
  expect(errorAt(UNNAMED)).toBe(64);
  for (const refused of [() => errorAt("nobody"), () => errorAt("angles", ["points"])]) {
    expect(refused).toThrowError(expect.objectContaining({ code: "tasks/no-output", exitCode: 3 }));
  }
});
