import { expect, test } from "vitest";
import { riskyCuts } from "../../../src/pipeline/solve/risky-cuts.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { keepAll, type Subnet } from "../../../src/subnet/subnet.ts";
import { bottleneckResnet, invertedResidual } from "../../helpers/networks.ts";

test("a first layer that keeps a quarter is warned of with its numbers, and one that keeps more is not", () => {
  const structure = findStructure(bottleneckResnet());
  const first = structure.layers[0]?.output.parts[0]?.dim ?? -1;
  const size = structure.dims[first]?.size ?? 0;
  const keeping = (count: number): Subnet => {
    const whole = keepAll(structure);
    const units = Array.from({ length: count }, (_, unit) => unit);
    return { ...whole, kept: whole.kept.map((kept, dim) => (dim === first ? units : kept)) };
  };
  expect(riskyCuts(structure, keeping(size))).toEqual([]);
  expect(riskyCuts(structure, keeping(Math.floor(size / 4) + 1))).toEqual([]);
  const [warning, ...others] = riskyCuts(structure, keeping(Math.floor(size / 4)));
  expect(warning).toContain(`keeps ${Math.floor(size / 4)} of ${size} channels`);
  expect(others).toEqual([]);
});

test("dropped depthwise layers are counted and named, other dropped layers are not", () => {
  const structure = findStructure(invertedResidual());
  const depthwise = structure.layers.filter(({ groups }) => groups > 1);
  const whole = keepAll(structure);
  const dropped = { ...whole, droppedLayers: depthwise.slice(0, 1).map(({ index }) => index) };
  expect(riskyCuts(structure, dropped)).toEqual([
    expect.stringContaining(
      `1 of ${depthwise.length} depthwise layers are dropped ('${depthwise[0]?.name}')`,
    ),
  ]);
  const other = structure.layers.find(({ groups }) => groups === 1)?.index ?? 0;
  expect(riskyCuts(structure, { ...whole, droppedLayers: [other] })).toEqual([]);
});
