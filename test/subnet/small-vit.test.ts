import { expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { openModel } from "../../src/runtime/open-model.ts";
import { parameterCount } from "../../src/structure/counts.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import type { Structure } from "../../src/structure/structure.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import type { Subnet } from "../../src/subnet/subnet.ts";
import { networkBuilder } from "../helpers/networks.ts";
import {
  type KeptVit,
  runVit,
  sliceWeights,
  type VitShape,
  type Weights,
  weightShapes,
} from "../helpers/small-vit.ts";

const SEED = 61;
const SHAPE: VitShape = {
  ...{ tokens: 7, channels: 5, width: 20, classes: 6 },
  blocks: [
    { heads: 4, qk: 6, v: 5, mlp: 18, scale: 0.4 },
    { heads: 3, qk: 4, v: 8, mlp: 24, scale: 0.5 },
  ],
};

function drawnWeights(): Weights {
  const random = randomFrom(SEED);
  return new Map(
    [...weightShapes(SHAPE)].map(([name, [rows, columns]]) => [
      name,
      // float32 values, so that both sides read the same numbers.
      Float64Array.from({ length: rows * columns }, () => Math.fround(random.normal() * 0.4)),
    ]),
  );
}

/** The network as ONNX, from the same weights. */
function graphOf(weights: Weights): Graph {
  const b = networkBuilder(SEED);
  const { tokens, channels } = SHAPE;
  const put = (name: string): string => {
    const [rows, columns] = weightShapes(SHAPE).get(name) ?? [1, 1];
    return b.tensor(
      name,
      floatTensor(rows === 1 ? [columns] : [rows, columns], weights.get(name) ?? []),
    );
  };
  const linear = (name: string, x: string): string =>
    b.node("Add", [b.node("MatMul", [x, put(`${name}.weight`)]), put(`${name}.bias`)]);
  const norm = (name: string, x: string): string =>
    b.node("LayerNormalization", [x, put(`${name}.weight`), put(`${name}.bias`)]);
  let x = linear("embed", b.input("input", ["batch", tokens, channels]));
  x = b.node("Add", [x, put("positions")]);
  SHAPE.blocks.forEach(({ heads, qk, v, scale }, block) => {
    const name = (part: string): string => `blocks.${block}.${part}`;
    const normed = norm(name("norm1"), x);
    const part = (role: string, columns: number, perm: number[]): string => {
      const apart = b.ints(name(`${role}.shape`), [0, 0, heads, columns]);
      const own = b.node("Reshape", [linear(name(role), normed), apart]);
      return b.node("Transpose", [own], { attributes: { perm } });
    };
    const scores = b.node("MatMul", [part("q", qk, [0, 2, 1, 3]), part("k", qk, [0, 2, 3, 1])]);
    const scaled = b.node("Mul", [scores, b.tensor(name("scale"), floatTensor([], [scale]))]);
    const attended = b.node("MatMul", [
      b.node("Softmax", [scaled], { attributes: { axis: -1 } }),
      part("v", v, [0, 2, 1, 3]),
    ]);
    const turned = b.node("Transpose", [attended], { attributes: { perm: [0, 2, 1, 3] } });
    const joined = b.node("Reshape", [turned, b.ints(name("join"), [0, 0, heads * v])]);
    x = b.add(name("attn"), linear(name("proj"), joined), x);
    const wide = b.relu(linear(name("fc1"), norm(name("norm2"), x)));
    x = b.add(name("mlp"), linear(name("fc2"), wide), x);
  });
  const mean = b.node("ReduceMean", [norm("norm", x)], { attributes: { axes: [1], keepdims: 0 } });
  b.output(linear("head", mean));
  return b.graph();
}

function keptOf(structure: Structure, subnet: Subnet): KeptVit {
  const of = (name: string): readonly number[] => {
    const dim = structure.dims.find((candidate) => candidate.name === name);
    if (dim === undefined) throw new Error(`no dim '${name}'`);
    return subnet.kept[dim.index] ?? [];
  };
  return {
    width: of("embed.embedding"),
    blocks: SHAPE.blocks.map((_, block) => ({
      heads: of(`blocks.${block}.q.heads`),
      qk: of(`blocks.${block}.q.qk`),
      v: of(`blocks.${block}.v`),
      mlp: of(`blocks.${block}.fc1`),
    })),
  };
}

function shapeOf(kept: KeptVit): VitShape {
  return {
    ...SHAPE,
    width: kept.width.length,
    blocks: kept.blocks.map(({ heads, qk, v, mlp }, block) => ({
      ...{ heads: heads.length, qk: qk.length, v: v.length, mlp: mlp.length },
      scale: SHAPE.blocks[block]?.scale ?? 1,
    })),
  };
}

test(`20 random subnets compute what an independent transformer with slicing of its own computes (seed ${SEED})`, async () => {
  const weights = drawnWeights();
  const graph = graphOf(weights);
  const structure = findStructure(graph);
  const random = randomFrom(SEED + 1);
  let worst = 0;
  for (let draw = 0; draw < 20; draw += 1) {
    const subnet = randomSubnet(structure, random, { minKept: 0.2, dropBlocks: 0 });
    const kept = keptOf(structure, subnet);
    const cut = cutGraph(structure, subnet);
    const sliced = sliceWeights(SHAPE, weights, kept);
    const elements = [...sliced.values()].reduce((sum, { length }) => sum + length, 0);
    // Two factors of the scores are scalars, which count as no parameter.
    expect(parameterCount(findStructure(cut))).toBe(elements);
    const input = Float64Array.from({ length: SHAPE.tokens * SHAPE.channels }, () =>
      Math.fround(random.normal()),
    );
    const wanted = runVit(shapeOf(kept), sliced, input);
    const session = await openModel(modelOf(cut), { threads: 1 });
    const data = Float32Array.from(input);
    const shape = [1, SHAPE.tokens, SHAPE.channels];
    const [found] = Object.values(await session.run({ input: { type: "float32", shape, data } }));
    await session.close();
    const largest = Math.max(...wanted.map(Math.abs));
    wanted.forEach((value, at) => {
      worst = Math.max(worst, Math.abs(value - Number(found?.data[at])) / largest);
    });
  }
  expect(worst).toBeLessThan(1e-5);
});
