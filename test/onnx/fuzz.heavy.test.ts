import { expect, test } from "vitest";
import { InputError } from "../../src/core/errors.ts";
import { randomFrom } from "../../src/core/random.ts";
import { inferShapes } from "../../src/graph/shapes/infer.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { parseModel } from "../../src/onnx/read.ts";
import { serializeModel } from "../../src/onnx/write.ts";
import { opsetNetwork } from "../helpers/opset-network.ts";
import { bytesOfModel } from "../helpers/ort.ts";

const SEED = 7;
const original = bytesOfModel(modelOf(opsetNetwork(17)));

/** "read" where the bytes were accepted and could be used; the code of the error where it was one for the user. */
function outcome(bytes: Uint8Array): string {
  try {
    const model = parseModel(bytes, { where: "fuzz", folder: null });
    inferShapes(model.graph, { batch: 1 });
    serializeModel(model);
    return "read";
  } catch (error) {
    if (error instanceof InputError) return error.code;
    throw error;
  }
}

test("random changes of bytes give a clear error or a graph that can be used, never another failure", () => {
  const random = randomFrom(SEED);
  const outcomes = new Map<string, number>();
  for (let round = 0; round < 2500; round += 1) {
    const bytes = original.slice();
    const changes = 1 + random.integer(4);
    for (let change = 0; change < changes; change += 1) {
      // Most of the file is weights; changes near the start and the end hit its structure.
      const place = random.integer(3) === 0 ? random.integer(400) : random.integer(bytes.length);
      bytes[place] = random.integer(256);
    }
    const code = outcome(bytes);
    outcomes.set(code, (outcomes.get(code) ?? 0) + 1);
  }
  expect(outcomes.get("read") ?? 0, `seed ${SEED}`).toBeGreaterThan(100);
  expect(outcomes.size, [...outcomes].join(" ")).toBeGreaterThan(4);
});

test("every truncation is an error", () => {
  for (let length = 0; length < original.length; length += length < 600 ? 1 : 37) {
    expect(outcome(original.slice(0, length)), `length ${length}`).toMatch(/^onnx|^graph/);
  }
});

test("random bytes are an error", () => {
  const random = randomFrom(SEED);
  for (let round = 0; round < 1000; round += 1) {
    const bytes = Uint8Array.from({ length: random.integer(300) }, () => random.integer(256));
    expect(outcome(bytes)).toMatch(/^onnx\//);
  }
});
