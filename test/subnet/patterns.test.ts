import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatsOf, floatTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { proveCut } from "../../src/subnet/prove.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { PATTERNS } from "../helpers/patterns.ts";

const SEED = 8;

/** The largest weight with its first two slices exchanged. */
function exchanged(cut: Graph): Graph {
  const sized = [...cut.initializers].filter(
    ([, { type, shape }]) => type === "float32" && shape.length >= 2 && (shape[0] ?? 0) >= 2,
  );
  const [name, tensor] = sized.reduce((a, b) => (b[1].byteLength > a[1].byteLength ? b : a));
  const values = Float32Array.from(floatsOf(tensor) ?? []);
  const width = values.length / (tensor.shape[0] ?? 1);
  const first = values.slice(0, width);
  values.copyWithin(0, width, 2 * width);
  values.set(first, width);
  const initializers = new Map(cut.initializers).set(name, floatTensor(tensor.shape, values));
  return { ...cut, initializers };
}

describe.each(Object.entries(PATTERNS))("%s", (_, { graph, free }) => {
  const structure = findStructure(graph());
  const model = modelOf(structure.graph);

  test("it has the dims that it should have", () => {
    expect(
      structure.dims
        .filter(({ pinned }) => pinned === null)
        .map(({ size, unitChannels }) => [size, unitChannels]),
    ).toEqual(free);
  });

  test(`random cuts are proven, and wrong ones are not (seed ${SEED})`, async () => {
    const random = randomFrom(SEED);
    for (let draw = 0; draw < 3; draw += 1) {
      const subnet = randomSubnet(structure, random, { minKept: 0.4 });
      const cut = cutGraph(structure, subnet);
      const options = { seed: draw, runs: 1 };
      expect((await proveCut(model, structure, subnet, cut, options)).maxRelative).toBeLessThan(
        1e-5,
      );
      if (draw > 0) continue;
      await expect(
        proveCut(model, structure, subnet, exchanged(cut), options),
      ).rejects.toThrowError(expect.objectContaining({ exitCode: 6 }));
    }
  });
});
