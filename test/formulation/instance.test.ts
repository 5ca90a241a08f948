import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { createHighs } from "../../solvers/highs.ts";
import { readInstance } from "../../src/authors/read-instance.ts";
import { parseInstance } from "../../src/formulation/problem/instance.ts";
import { solveProblem } from "../../src/formulation/solve/solve-problem.ts";
import { sharedPath } from "../helpers/shared.ts";

const highs = createHighs();
afterAll(() => highs.close());

/** Two convolutions of one block between a stem and a classifier; index 0 means "no channel". */
function tiny(): Record<string, unknown> {
  return {
    name: "tiny",
    groups: [
      { id: "stem", keepAll: true, options: 3, layers: ["stem"] },
      { id: "inner", keepAll: false, options: 3, layers: ["conv1"] },
    ],
    layers: [
      {
        name: "stem",
        group: "stem",
        inputGroup: null,
        block: 0,
        importance: [0, 5, 9],
        latency: [0, 2, 3],
      },
      {
        name: "conv1",
        group: "inner",
        inputGroup: "stem",
        block: 1,
        importance: [0, 4, 6],
        latency: [
          [0, 0, 0],
          [0, 9, 2],
          [0, 9, 1],
        ],
      },
      {
        name: "conv2",
        group: "stem",
        inputGroup: "inner",
        block: 1,
        importance: [0, 1, 2],
        latency: [0, 1, 2],
      },
    ],
    budget: 6,
    reference: { optimum: 6 },
  };
}

test("a fixed group earns nothing, tables lose their index 0, and block 0 stays", async () => {
  const { problem, reference } = parseInstance(tiny(), "tiny.json");
  expect(problem.dims).toEqual([
    { name: "stem", counts: [2], block: null },
    { name: "inner", counts: [1, 2], block: 0 },
  ]);
  expect(problem.blocks).toHaveLength(1);
  expect(reference).toEqual({ optimum: 6, dense: null, mindtpy: null, mindtpyLatency: null });
  // The wider convolution is the faster one: measured latencies are not monotone.
  const answer = await solveProblem(problem, [highs]);
  expect(answer).toMatchObject({ objective: 6, usage: [6], selection: { options: [0, 1] } });
});

test.each([
  ["no groups", (file: Record<string, unknown>) => ({ ...file, groups: [] })],
  ["no budget", ({ budget: _, ...file }: Record<string, unknown>) => file],
  ["a text for a budget", (file: Record<string, unknown>) => ({ ...file, budget: "6" })],
  ["no layers", ({ layers: _, ...file }: Record<string, unknown>) => file],
])("an instance with %s is refused with its place", (_name, change) => {
  expect(() => parseInstance(change(tiny()), "tiny.json")).toThrow(
    expect.objectContaining({ code: "formulation/bad-instance", where: "tiny.json" }),
  );
});

test.each([
  ['"inputGroup":"stem"', '"inputGroup":"nowhere"'],
  ['"latency":[0,2,3]', '"latency":[0,2]'],
  ["[0,9,1]", "[0,9]"],
  ['"importance":[0,4,6]', '"importance":[0,4]'],
  ['"inputGroup":"stem"', '"inputGroup":null'],
])("an instance with %s turned into %s is refused", (from, to) => {
  const text = JSON.stringify(tiny());
  expect(text).toContain(from);
  expect(() => parseInstance(JSON.parse(text.replace(from, to)), "tiny.json")).toThrow(
    expect.objectContaining({ code: "formulation/bad-instance" }),
  );
});

const folder = sharedPath("mdp-instances");
const names =
  folder === null
    ? []
    : readdirSync(folder)
        .filter((name) => name.endsWith(".json"))
        .sort();

test.skipIf(folder === null)(
  "the 29 published instances are proven at their reference optimum (needs ../shared/mdp-instances)",
  async () => {
    expect(names).toHaveLength(29);
    for (const name of names) {
      const { problem, reference } = readInstance(join(folder ?? "", name));
      const answer = await solveProblem(problem, [highs]);
      expect(answer, name).toMatchObject({
        status: "optimal",
        objective: reference.optimum,
        bound: reference.optimum,
        gap: 0,
      });
      expect(answer.usage[0], name).toBeLessThanOrEqual(problem.resources[0]?.limit ?? 0);
    }
  },
);

test.skipIf(folder === null)(
  "a published instance with a tenth of its budget is infeasible, with its nearest budget (needs ../shared/mdp-instances)",
  async () => {
    const path = join(folder ?? "", "mobilenetv1_55-28.json");
    const file = JSON.parse(readFileSync(path, "utf8")) as { budget: number };
    const { problem } = parseInstance({ ...file, budget: file.budget / 10 }, path);
    await expect(solveProblem(problem, [highs])).rejects.toMatchObject({
      code: "formulation/infeasible",
      nearest: [{ resource: "latency", least: expect.any(Number) }],
    });
  },
);

test("a number of options that no table has is refused before anything is made of it", () => {
  const layer = { name: "l0", group: "g0", inputGroup: null, block: 0, latency: [0, 1, 2, 3] };
  const group = { id: "g0", options: 2 ** 31, layers: ["l0"] };
  const file = { name: "s", groups: [group], layers: [layer], budget: 9 };
  const refused = expect.objectContaining({ code: "formulation/bad-instance" });
  expect(() => parseInstance(file, "i.json")).toThrowError(refused);
  const lonely = { ...file, layers: [], groups: [group] };
  expect(() => parseInstance(lonely, "i.json")).toThrowError(refused);
});
