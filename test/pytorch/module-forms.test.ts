import { describe, expect, test } from "vitest";
import { type GraphBuilder, graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatTensor, intTensor } from "../../src/graph/tensor.ts";
import { writeModule } from "../../src/pytorch/module/write-module.ts";
import { torchPython } from "../helpers/torch.ts";
import { torchForTests } from "../helpers/torch-process.ts";

const python = await torchPython();
const inTorch = torchForTests(python);

/** Weights that differ from each other and repeat no pattern. */
function weight(b: GraphBuilder, name: string, shape: readonly number[]): string {
  const count = shape.reduce((product, extent) => product * extent, 1);
  const values = Float32Array.from({ length: count }, (_, at) => Math.sin(3 * at + count) / 2);
  return b.tensor(name, floatTensor([...shape], values));
}

/** An image of 4 channels and 6 x 6 pixels, and what is made of it. */
function network(make: (b: GraphBuilder, x: string) => readonly string[], opset = 17): Graph {
  const b = graphBuilder({ opset });
  for (const output of make(b, b.input("x", ["batch", 4, 6, 6]))) b.output(output);
  return b.graph();
}

function conv(b: GraphBuilder, x: string, path: string, name = path.replaceAll(".", "/")): string {
  const w = b.node("Conv", [x, weight(b, `${path}.weight`, [4, 4, 3, 3])], {
    name: `/${name}/Conv`,
    attributes: { pads: [1, 1, 1, 1] },
  });
  return w;
}

const list = (b: GraphBuilder, name: string, values: readonly number[]): string =>
  b.tensor(name, intTensor([values.length], values));

const scales = (b: GraphBuilder, height: number, width: number): string =>
  b.tensor("scales", floatTensor([4], [1, 1, height, width]));

/** Forms in which modules once said something else than their networks. */
const FORMS: Readonly<Record<string, () => Graph>> = {
  "outputs in another order than they are computed in": () =>
    network((b, x) => {
      const inner = conv(b, x, "body.conv");
      return [b.node("Relu", [conv(b, inner, "head.conv")]), inner];
    }),
  "inputs in another order than they are read in": () => {
    const b = graphBuilder();
    const [first, second] = [b.input("a", ["batch", 4]), b.input("b", ["batch", 4])];
    b.output(b.node("Sub", [b.node("Mul", [second, second]), first]));
    return b.graph();
  },
  "a HardSigmoid of a sum": () =>
    network((b, x) => [b.node("HardSigmoid", [b.node("Add", [x, b.node("Mul", [x, x])])])]),
  "a Clip without bounds": () => network((b, x) => [b.node("Neg", [b.node("Clip", [x])])]),
  "a Mod of numbers below zero": () =>
    network((b, x) => [
      b.node("Mod", [x, b.tensor("by", floatTensor([], [0.3]))], { attributes: { fmod: 1 } }),
    ]),
  "a reflection along the width alone": () =>
    network((b, x) => [
      b.node("Pad", [x, list(b, "pads", [0, 0, 0, 2, 0, 0, 0, 1])], {
        attributes: { mode: "reflect" },
      }),
    ]),
  "a Split into one": () =>
    network((b, x) => [
      b.node("Neg", [b.node("Split", [x, list(b, "all", [4])], { attributes: { axis: 1 } })]),
    ]),
  "a Resize by a scale that doesn't divide": () =>
    network((b, x) => [
      b.node("Resize", [x, "", scales(b, 0.4, 1.7)], {
        attributes: { mode: "linear", coordinate_transformation_mode: "half_pixel" },
      }),
    ]),
  "a nearest Resize by whole scales": () =>
    network((b, x) => [b.node("Resize", [x, "", scales(b, 2, 3)])]),
  "a LayerNormalization over three axes": () =>
    network((b, x) => {
      const [scale, bias] = [
        weight(b, "norm.weight", [4, 6, 6]),
        weight(b, "norm.bias", [4, 6, 6]),
      ];
      return [b.node("LayerNormalization", [x, scale, bias], { attributes: { axis: -3 } })];
    }),
  "two blocks of one form with pools of two kernels": () =>
    network((b, x) => {
      const block = (input: string, at: number, kernel: number): string =>
        b.node("MaxPool", [conv(b, input, `blocks.${at}.conv`)], {
          name: `/blocks/blocks.${at}/pool/MaxPool`,
          attributes: { kernel_shape: [kernel, kernel], strides: [2, 2] },
        });
      return [block(block(x, 0, 2), 1, 3)];
    }),
  "siblings that join along different axes": () =>
    network((b, x) => {
      const join = (path: string, inputs: readonly string[], axis: number): string => {
        const joined = b.node("Concat", [...inputs], {
          name: `/${path}/Concat`,
          attributes: { axis },
        });
        const channels = axis === 1 ? 4 * inputs.length : 4;
        return b.node("Conv", [joined, weight(b, `${path}.conv.weight`, [4, channels, 1, 1])], {
          name: `/${path}/conv/Conv`,
        });
      };
      const [a, c] = [conv(b, x, "first.conv"), conv(b, x, "second.conv")];
      return [b.node("ReduceMean", [join("up", [a, c], 1)]), join("head", [x, a, c], 2)];
    }),
  "numbers that begin with a nought, and names with hyphens": () =>
    network((b, x) => [
      conv(b, conv(b, conv(b, x, "blocks.00.conv"), "blocks.01.conv"), "block-1.conv"),
    ]),
  "a layer below that is used twice with a step outside between": () =>
    network((b, x) => {
      const w = weight(b, "net.shared.conv.weight", [4, 4, 1, 1]);
      const shared = (input: string, name: string): string =>
        b.node("Conv", [input, w], { name: `/net/shared/conv/${name}` });
      const y = shared(x, "Conv");
      return [shared(b.node("Add", [x, y], { name: "/Add" }), "Conv_1")];
    }),
};

describe.skipIf(python === null)("a module does what its network does, with", () => {
  test.each(Object.entries(FORMS))(
    "%s",
    async (name, make) => {
      const run = await inTorch({ name, graph: make() });
      expect(run.found).toMatchObject({ missing: [], unexpected: [] });
      expect(run.found.error).toBeUndefined();
      expect(run.relative).toBeLessThan(1e-5);
    },
    60_000,
  );
});

describe("writeModule", () => {
  test.each(Object.entries(FORMS))("writes %s", (_, make) => {
    expect(writeModule(make()).source).toContain("def build() -> nn.Module:");
  });

  test.each([
    [
      "a bias that is computed",
      (b: GraphBuilder, x: string) =>
        b.node("Conv", [
          x,
          weight(b, "w", [4, 4, 1, 1]),
          b.node("Mul", [
            b.node("ReduceMean", [x], { attributes: { axes: [0, 2, 3], keepdims: 0 } }),
            b.tensor("half", floatTensor([], [0.5])),
          ]),
        ]),
      "its bias is computed",
    ],
    [
      "what is computed of a constant alone",
      (b: GraphBuilder, x: string) =>
        b.node("Mul", [x, b.node("Exp", [weight(b, "log_a", [4, 1, 1])])]),
      "the constant 'log_a' alone",
    ],
    [
      "a nearest Resize that rounds halves down",
      (b: GraphBuilder, x: string) => b.node("Resize", [x, "", scales(b, 0.5, 0.5)]),
      "no interpolation like mode nearest",
    ],
  ])("refuses %s", (_, make, said) => {
    const graph = network((b, x) => [make(b, x)], 13);
    expect(() => writeModule(graph)).toThrow(
      expect.objectContaining({
        code: "pytorch/unsupported-op",
        message: expect.stringContaining(said),
      }),
    );
  });

  test("lets no name of a file out of its docstring, nor take a name that the file has", () => {
    const graph = network((b, x) => [conv(b, x, "conv")]);
    const hostile = 'a""";__import__("os").system("id");"""\\';
    const { source, className } = writeModule(graph, { className: "F", heading: [hostile] });
    expect(source.split("\n")[0]).toBe(
      '"""a\\"\\"\\";__import__(\\"os\\").system(\\"id\\");\\"\\"\\"\\\\"""',
    );
    expect(className).toBe("FNetwork");
    expect(source).toContain("class FNetwork(nn.Module):");
  });

  test("takes no time for numbers that a file makes up", () => {
    const graph = network((b, x) => [conv(b, x, "features.4000000000")]);
    expect(writeModule(graph).source.length).toBeLessThan(5000);
  });
});
