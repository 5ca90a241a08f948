import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { readPickle } from "../../src/authors/pickle.ts";
import type { PickleValue } from "../../src/authors/pickle-values.ts";
import {
  areSolverInputs,
  type InstanceDocument,
  solverInputs,
} from "../../src/authors/solver-inputs.ts";
import { InputError } from "../../src/core/errors.ts";
import { randomFrom } from "../../src/core/random.ts";
import { parseInstance } from "../../src/formulation/problem/instance.ts";
import { sharedPath } from "../helpers/shared.ts";
import { pickles } from "./fixtures.ts";

const WITH_BLOCKS: InstanceDocument = {
  name: "step",
  units: { latency: "microseconds", importance: "1e-6 Taylor units" },
  groups: [
    { id: "conv1", keepAll: true, options: 3, layers: ["conv1"] },
    { id: "layer1.0.conv1", keepAll: false, options: 3, layers: ["layer1.0.conv1"] },
    { id: "layer1.0.conv2", keepAll: false, options: 2, layers: ["layer1.0.conv2"] },
  ],
  layers: [
    {
      ...{ name: "conv1", group: "conv1", inputGroup: null },
      ...{ latency: [0, 5, 7], block: 0, importance: [0, 4, 6] },
    },
    {
      ...{ name: "layer1.0.conv1", group: "layer1.0.conv1", inputGroup: "conv1" },
      latency: [
        [0, 0, 0],
        [0, 2, 3],
        [0, 4, 5],
      ],
      ...{ block: 1, importance: [0, 3, 5] },
    },
    {
      ...{ name: "layer1.0.conv2", group: "layer1.0.conv2", inputGroup: "layer1.0.conv1" },
      latency: [
        [0, 0, 0],
        [0, 1, 2],
      ],
      ...{ block: 1, importance: [0, 2] },
    },
  ],
  budget: 17,
};

test("solver inputs with blocks become an instance, without the layers that an earlier step dropped", () => {
  expect(pickles("withBlocks")).toHaveLength(6);
  for (const pickle of pickles("withBlocks")) {
    const value = readPickle(pickle, "step.pkl");
    expect(areSolverInputs(value)).toBe(true);
    const document = solverInputs(value, "step", "step.pkl");
    expect(document).toEqual(WITH_BLOCKS);
    const { problem } = parseInstance(document, "step.pkl");
    expect(problem.blocks).toHaveLength(1);
    expect(problem.dims.map(({ counts }) => counts)).toEqual([[2], [1, 2], [1]]);
  }
});

test("solver inputs of MobileNet become an instance with importances by group", () => {
  for (const pickle of pickles("withoutBlocks")) {
    const document = solverInputs(readPickle(pickle, "m.pkl"), "m", "m.pkl");
    expect(document.budget).toBe(11);
    expect(document.groups.map(({ id, importance }) => [id, importance])).toEqual([
      ["features.conv_dw1.conv2", [0, 4]],
      ["features.conv_bn.conv", [0, 3, 5]],
    ]);
    expect(
      document.layers.map(({ name, inputGroup, latency }) => [name, inputGroup, latency]),
    ).toEqual([
      [
        "features.conv_dw1.conv2",
        "features.conv_bn.conv",
        [
          [0, 0, 0],
          [0, 2, 3],
        ],
      ],
      ["features.conv_bn.conv", null, [0, 5, 7]],
      ["features.conv_dw1.conv1", "features.conv_bn.conv", [0, 2, 1]],
    ]);
    expect(parseInstance(document, "m.pkl").problem.blocks).toEqual([]);
  }
});

test("published instances come back from their pickled form without a changed number", (context) => {
  const folder = sharedPath("mdp-instances");
  if (folder === null) return context.skip("shared/mdp-instances is not here");
  const names = readdirSync(folder).filter((name) => name.endsWith(".json"));
  expect(names.length).toBeGreaterThan(20);
  for (const name of names) {
    const { reference: _, ...instance } = JSON.parse(readFileSync(join(folder, name), "utf8"));
    const document = solverInputs(pickledForm(instance), instance.name, name);
    expect(JSON.parse(JSON.stringify(document))).toEqual(instance);
  }
});

/** What reading the authors' pickle of an instance gives. */
function pickledForm(instance: InstanceDocument): PickleValue {
  const list = (items: readonly PickleValue[]): PickleValue => ({ kind: "list", items });
  const tuple = (items: readonly PickleValue[]): PickleValue => ({ kind: "tuple", items });
  const dict = (entries: readonly (readonly [PickleValue, PickleValue])[]): PickleValue => ({
    kind: "dict",
    entries,
  });
  const groupOf = new Map(
    instance.groups.map(({ id, layers }) => [id, tuple(layers.map((layer) => `module.${layer}`))]),
  );
  const latencies = instance.layers.map(({ name, inputGroup, latency }): [string, PickleValue] => {
    const rows = latency.map((row) => (typeof row === "number" ? [row] : row));
    const isVector = typeof latency[0] === "number";
    const shape = isVector ? [rows.length] : [rows.length, rows[0]?.length ?? 0];
    const table: PickleValue = { kind: "array", shape, data: Float64Array.from(rows.flat()) };
    const before = inputGroup === null ? null : (groupOf.get(inputGroup) ?? null);
    return [`module.${name}`, tuple([before, table])];
  });
  if (instance.layers.every(({ importance }) => importance === undefined)) {
    const scores = instance.groups.map(({ id, importance }): [PickleValue, PickleValue] => [
      groupOf.get(id) ?? null,
      list(importance ?? []),
    ]);
    return list([dict(latencies), dict(scores), instance.budget, 0, null, "runs"]);
  }
  const scores = instance.layers.map(({ name, importance }): [string, PickleValue] => [
    `module.${name}`,
    list(importance ?? []),
  ]);
  const blocks = instance.layers.map(({ name, block }): [string, PickleValue] => [
    `module.${name}`,
    block,
  ]);
  const options = instance.groups.map(({ id, options }): [PickleValue, PickleValue] => [
    groupOf.get(id) ?? null,
    options,
  ]);
  const nothing = list([]);
  return list([
    ...[dict(latencies), dict(scores), nothing, nothing, nothing, dict([]), dict(blocks)],
    ...[dict(options), nothing, instance.budget, 0, null, "runs"],
  ]);
}

test("pickles that are laid out otherwise are refused, whatever is damaged in them", () => {
  const random = randomFrom(7);
  let refused = 0;
  for (const source of [...pickles("withBlocks"), ...pickles("withoutBlocks")]) {
    for (let round = 0; round < 200; round += 1) {
      const copy = Uint8Array.from(source);
      copy[random.integer(copy.length)] = random.integer(256);
      try {
        parseInstance(solverInputs(readPickle(copy, "x"), "x", "x"), "x");
      } catch (error) {
        expect(error).toBeInstanceOf(InputError);
        refused += 1;
      }
    }
  }
  expect(refused).toBeGreaterThan(500);
});
