import { expect, test } from "vitest";
import { convDictionary, isConvDictionary } from "../../src/authors/conv-dictionary.ts";
import { dictionaryTable } from "../../src/authors/dictionary-table.ts";
import type { PickleDict } from "../../src/authors/pickle-values.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { latencyMs } from "../../src/latency/lookup.ts";
import { predictNetwork } from "../../src/latency/predict-network.ts";
import { type LatencyTable, parseTable } from "../../src/latency/table.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { keepAll } from "../../src/subnet/subnet.ts";
import { bottleneckResnet, groupedResidual, invertedResidual } from "../helpers/networks.ts";

/** A made-up time: linear in cin and in cout, so that what lies between is known. */
const timeOf = (cin: number, cout: number, fmap: number): number => cin * cout * 0.01 + cin + fmap;

const KINDS = [1, 2, 3, 4, 6, 8, 12].flatMap((fmap) =>
  [1, 3].flatMap((kernel) => [1, 2].map((stride) => ({ fmap, kernel, stride }))),
);

/** Cells for all convolutions of small networks, at the widths up to 48 that are asked for and at the 3 of an image. */
function dictionary(keepWidth: (channels: number) => boolean, groups: "none" | "all"): PickleDict {
  const widths = Array.from({ length: 48 }, (_, at) => at + 1).filter(
    (width) => width === 3 || keepWidth(width),
  );
  const pairs = widths.flatMap((cin) => widths.map((cout) => [cin, cout] as const));
  const entries = KINDS.flatMap(({ fmap, kernel, stride }) => {
    const over = pairs.map(([cin, cout]): [string, number] => {
      const key = [4, cin, cout, fmap, kernel, stride].join("_");
      return [groups === "all" ? `${key}_1` : key, timeOf(cin, cout, fmap)];
    });
    const depthwise = widths
      .filter((channels) => channels > 1)
      .map((channels): [string, number] => [
        [4, channels, channels, fmap, kernel, stride, channels].join("_"),
        channels + fmap,
      ]);
    return groups === "all" ? [...over, ...depthwise] : over;
  });
  return { kind: "dict", entries };
}

const OPTIONS = {
  batch: null,
  step: 2,
  networkName: "net",
  deviceName: "titan-v",
  deviceTitle: "TITAN V",
  command: "mdp import",
  where: "lut.pkl",
};

function tableOf(
  graph: Graph,
  cells: PickleDict,
  options: Partial<typeof OPTIONS> = {},
): LatencyTable {
  const structure = findStructure(graph);
  const wanted = { ...OPTIONS, ...options };
  return dictionaryTable(convDictionary(cells, "lut.pkl"), structure, wanted);
}

test("each convolution's cells are the dictionary's, and nothing else costs", () => {
  const graph = bottleneckResnet();
  const table = tableOf(
    graph,
    dictionary(() => true, "all"),
  );
  parseTable(JSON.parse(JSON.stringify(table)), "table");
  const structure = findStructure(graph);
  const convolutions = structure.layers.filter(({ opType }) => opType === "Conv");
  expect(table.ops).toHaveLength(convolutions.length);
  let expected = 0;
  for (const layer of convolutions) {
    const node = graph.nodes.find(({ outputs }) => outputs[0] === layer.id);
    const [, cin = 0, fmap = 0] = structure.shapes.of(node?.inputs[0] ?? "") ?? [];
    const [, cout = 0] = structure.shapes.of(layer.id) ?? [];
    expected += timeOf(cin, cout, fmap);
  }
  expect(predictNetwork(table, structure, keepAll(structure)).ms).toBeCloseTo(expected, 9);
  expect(table.denseMs).toBeCloseTo(expected, 9);
  expect(table.ops.every(({ origin }) => /^m+$/.test(origin))).toBe(true);
});

test("cells that nobody measured lie between their neighbours, and say so", () => {
  const all = tableOf(
    bottleneckResnet(),
    dictionary(() => true, "none"),
  );
  const coarse = tableOf(
    bottleneckResnet(),
    dictionary((width) => width % 4 === 0, "none"),
    { step: 4 },
  );
  let between = 0;
  for (const op of coarse.ops) {
    const same = all.ops.find(({ id }) => id === op.id);
    between += op.origin.replaceAll("m", "").length;
    if (same === undefined) throw new Error(`no ${op.id}`);
    op.ms.forEach((ms, cell) => {
      const counts =
        op.counts.length === 2
          ? [
              op.counts[0]?.[Math.floor(cell / (op.counts[1]?.length ?? 1))] ?? 0,
              op.counts[1]?.[cell % (op.counts[1]?.length ?? 1)] ?? 0,
            ]
          : op.counts.map((axis) => axis[cell] ?? 0);
      expect(ms).toBeCloseTo(latencyMs(same, counts).ms, 9);
    });
  }
  const odd = tableOf(
    bottleneckResnet(),
    dictionary((width) => width % 4 === 0, "none"),
    { step: 6 },
  );
  between += odd.ops.reduce((sum, { origin }) => sum + origin.replaceAll("m", "").length, 0);
  expect(between).toBeGreaterThan(0);
  expect(odd.notes.join(" ")).toContain("interpolated linearly");
});

test("depthwise convolutions are looked up by their groups", () => {
  const graph = invertedResidual();
  const table = tableOf(
    graph,
    dictionary(() => true, "all"),
  );
  const depthwise = findStructure(graph).layers.filter(({ groups }) => groups > 1);
  expect(depthwise.length).toBeGreaterThan(0);
  for (const layer of depthwise) {
    const op = table.ops.find(({ id }) => id === layer.id);
    const [, channels = 0] = findStructure(graph).shapes.of(layer.id) ?? [];
    expect(op?.counts).toHaveLength(1);
    expect((op?.ms.at(-1) ?? 0) - channels).toBeGreaterThan(0);
    expect((op?.ms.at(-1) ?? 0) - channels).toBeLessThanOrEqual(12);
  }
});

test("what the dictionary doesn't have is an error that names the cell", () => {
  const small = dictionary((width) => width <= 8, "all");
  expect(() => tableOf(bottleneckResnet(), small)).toThrow(
    expect.objectContaining({ code: "formulation/dictionary-cell", exitCode: 3 }),
  );
  expect(() =>
    tableOf(
      invertedResidual(),
      dictionary(() => true, "none"),
    ),
  ).toThrow(/no latency for 4_/);
  expect(() =>
    tableOf(
      groupedResidual(),
      dictionary(() => true, "all"),
    ),
  ).toThrow(expect.objectContaining({ code: "formulation/dictionary-cell" }));
});

test("a batch that isn't there, keys of two kinds and times that are none are refused", () => {
  const cells = dictionary(() => true, "none");
  expect(() => tableOf(bottleneckResnet(), cells, { batch: 8 as unknown as null })).toThrow(
    expect.objectContaining({ code: "formulation/dictionary-batch", exitCode: 2 }),
  );
  const refused = (entries: PickleDict["entries"]): void => {
    expect(() => convDictionary({ kind: "dict", entries }, "x")).toThrow(
      expect.objectContaining({ code: "formulation/pickle-layout", exitCode: 3 }),
    );
  };
  refused([
    ["1_1_1_1_1_1", 1],
    ["1_1_1_1_1_1_1", 1],
  ]);
  refused([["1_1_1_1_1_1", -1]]);
  refused([["1_1_1_1_1_1", Number.NaN]]);
  refused([["1_1_1_1_1_1", "fast"]]);
  refused([
    ["1_1_1_1_1_1", 1],
    ["conv", 1],
  ]);
  expect(isConvDictionary(cells)).toBe(true);
  expect(isConvDictionary({ kind: "dict", entries: [["conv", 1]] })).toBe(false);
});
