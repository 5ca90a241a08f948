import { expect, test } from "vitest";
import type { Graph } from "../../src/graph/graph.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { parseModel } from "../../src/onnx/read.ts";
import { opsetNetwork } from "../helpers/opset-network.ts";
import { bytesOfModel, shapeDifferences } from "../helpers/ort.ts";

const from = { where: "memory", folder: null };

function withOpset(graph: Graph, opset: number): Graph {
  return { ...graph, opsets: new Map([["", opset]]) };
}

test.each(Array.from({ length: 19 }, (_, index) => 7 + index))(
  "a network in the forms of opset %i is written, read back, and has onnxruntime's shapes",
  async (opset) => {
    const model = parseModel(bytesOfModel(modelOf(opsetNetwork(opset))), from);
    expect(model.graph.opsets.get("")).toBe(opset);
    expect(await shapeDifferences(model, 3)).toEqual([]);
  },
);

test.each([6, 26, 0])(
  "opset %i is refused, naming what was found and what is supported",
  (opset) => {
    const model = modelOf(withOpset(opsetNetwork(9), opset));
    expect(() => parseModel(bytesOfModel(model), from)).toThrowError(
      expect.objectContaining({
        code: "onnx/unsupported-opset",
        exitCode: 3,
        message: `The model uses opset ${opset}; supported are 7 to 25.`,
      }),
    );
  },
);

test.each([2, 99])("IR version %i is refused", (irVersion) => {
  const model = { ...modelOf(opsetNetwork(13)), irVersion };
  expect(() => parseModel(bytesOfModel(model), from)).toThrowError(
    expect.objectContaining({ code: "onnx/unsupported-ir", exitCode: 3 }),
  );
});

test("before IR version 4 the initializers are listed as inputs, and are no inputs of the graph", async () => {
  const model = { ...modelOf(opsetNetwork(9)), irVersion: 3 };
  const read = parseModel(bytesOfModel(model), from);
  expect(read.graph.inputs.map((input) => input.name)).toEqual(["x"]);
  expect(await shapeDifferences(read, 2)).toEqual([]);
});
