import { expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { structureJson } from "../../src/structure/structure-json.ts";
import { type NetworkBuilder, networkBuilder } from "../helpers/networks.ts";

/** A convolution, an op behind it, and a classifier. */
function behind(make: (b: NetworkBuilder, x: string) => string, channels = 8): Graph {
  const b = networkBuilder(5);
  const x = b.relu(b.conv("first", b.input("x", [1, 3, 6, 6]), { from: 3, to: 8, bn: false }));
  const y = b.node("Flatten", [b.node("GlobalAveragePool", [make(b, x)])]);
  b.output(b.gemm("fc", y, channels, 4));
  return b.graph();
}

function reasons(graph: Graph): Record<string, string | null> {
  return Object.fromEntries(findStructure(graph).dims.map(({ name, pinned }) => [name, pinned]));
}

test("a transposed convolution whose weight is computed pins what it reads, and says so", () => {
  const graph = behind((b, x) => {
    const doubled = b.node("Relu", [b.node("GlobalAveragePool", [x])]);
    const weight = b.node("Reshape", [doubled, b.ints("shape", [8, 1, 1, 1])]);
    return b.node("ConvTranspose", [x, weight], { name: "up" });
  }, 1);
  const { first } = reasons(graph);
  expect(first).toMatch(/up.*can't be pruned through/);
});

test("an Einsum whose letters repeat within one operand pins what it reads, and says so", () => {
  const graph = behind((b, x) => {
    const scores = b.node("MatMul", [
      b.node("Transpose", [x], { attributes: { perm: [0, 1, 3, 2] } }),
      x,
    ]);
    return b.node("Einsum", [scores, x], {
      attributes: { equation: "bcii,bchw->bchw" },
      name: "trace",
    });
  });
  expect(Object.values(reasons(graph)).join("; ")).toMatch(
    /trace.*(equation|Einsum|can't be pruned)/,
  );
});

test("a layer whose op is unknown is listed with its channels and the reason", () => {
  const graph = behind((b, x) =>
    b.node("Conv", [x, b.node("Relu", [b.weight("w", [8, 8, 1, 1])])], { name: "computed" }),
  );
  const structure = findStructure(graph);
  expect(structure.dims.map(({ name }) => name)).toContain("first");
  expect(structure.dims.every(({ pinned, size }) => pinned === null || size > 0)).toBe(true);
});

test("the document names lengths and notes where there are any, and leaves them out where there are none", () => {
  const plain = structureJson(findStructure(behind((_, x) => x)));
  expect(Object.keys(plain)).not.toEqual(expect.arrayContaining(["bind"]));
  expect(Object.keys(plain)).not.toEqual(expect.arrayContaining(["notes"]));
  expect(Object.keys(plain)).not.toEqual(expect.arrayContaining(["unknown"]));
  const b = networkBuilder(6);
  const x = b.relu(b.conv("a", b.input("x", [1, 3, "side", "side"]), { from: 3, to: 8 }));
  b.output(b.conv("b", x, { from: 8, to: 2 }));
  const bound = structureJson(findStructure(b.graph(), { bind: { side: 8 } }));
  expect(bound).toMatchObject({ bind: { side: 8 }, parameters: expect.any(Number) });
});

test("an input of unknown shape and an open length are refused by name", () => {
  const open = (shape: readonly (number | string)[] | null): (() => unknown) => {
    const b = networkBuilder(7);
    b.output(b.conv("a", b.input("pixels", shape), { from: 3, to: 8 }));
    return () => findStructure(b.graph());
  };
  expect(open([1, 3, "height", 8])).toThrowError(
    expect.objectContaining({
      code: "structure/open-shape",
      message: expect.stringContaining("[1, 3, height, 8]"),
    }),
  );
  expect(open(null)).toThrowError(
    expect.objectContaining({ message: expect.stringContaining("shape unknown") }),
  );
});
