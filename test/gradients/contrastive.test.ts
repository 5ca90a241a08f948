import { expect, test } from "vitest";
import { contrastive } from "../../src/gradients/contrastive.ts";
import { differentiate } from "../../src/gradients/differentiate.ts";
import { graphBuilder } from "../../src/graph/build.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { serializeModel } from "../../src/onnx/write.ts";
import { type Feeds, openSession } from "../../src/runtime/session.ts";

const [BATCH, WIDTH, TEMPERATURE] = [5, 3, 0.3];

function pairsGraph() {
  const b = graphBuilder({ opset: 17 });
  for (const name of ["left", "right"]) {
    b.input(name, [BATCH, WIDTH]);
    b.output(b.node("Identity", [name], { outputs: [`${name}_out`] }));
  }
  const { graph, loss } = contrastive(b.graph(), {
    left: "left",
    right: "right",
    temperature: TEMPERATURE,
  });
  return { made: differentiate(graph, { loss, withRespectTo: ["left", "right"] }), loss };
}

function numbers(feeds: Feeds, name: string): Float32Array {
  return feeds[name]?.data as Float32Array;
}

/** The published formula in 64 bits, sample by sample. */
function expected(left: Float64Array, right: Float64Array): number {
  const similar = (i: number, j: number): number => {
    let sum = 0;
    for (let at = 0; at < WIDTH; at += 1) {
      sum += (left[i * WIDTH + at] ?? 0) * (right[j * WIDTH + at] ?? 0);
    }
    return sum / TEMPERATURE;
  };
  let loss = 0;
  for (let i = 0; i < BATCH; i += 1) {
    let [row, column] = [0, 0];
    for (let j = 0; j < BATCH; j += 1) {
      row += Math.exp(similar(i, j));
      column += Math.exp(similar(j, i));
    }
    loss -= (2 * similar(i, i) - Math.log(row) - Math.log(column)) / 2;
  }
  return loss / BATCH;
}

test("the contrastive loss and its gradient are those of the formula, both ways", async () => {
  const { made, loss } = pairsGraph();
  const session = await openSession(
    new Uint8Array(Buffer.concat(serializeModel(modelOf(made.graph)))),
  );
  const values = (shift: number): Float64Array =>
    Float64Array.from({ length: BATCH * WIDTH }, (_, at) => Math.sin(at * 2.3 + shift));
  const [left, right] = [values(0), values(1)];
  const feed = (data: Float64Array) =>
    ({ type: "float32", shape: [BATCH, WIDTH], data: Float32Array.from(data) }) as const;
  const found = await session.run({ left: feed(left), right: feed(right) });
  await session.close();
  expect(numbers(found, loss)[0]).toBeCloseTo(expected(left, right), 4);
  for (const [name, array] of [
    ["left", left],
    ["right", right],
  ] as const) {
    const gradient = numbers(found, made.gradients.get(name) ?? "");
    for (let at = 0; at < array.length; at += 1) {
      const old = array[at] ?? 0;
      array[at] = old + 1e-5;
      const more = expected(left, right);
      array[at] = old - 1e-5;
      const less = expected(left, right);
      array[at] = old;
      expect(gradient[at], `${name} ${at}`).toBeCloseTo((more - less) / 2e-5, 4);
    }
  }
});

test("pairs that fit lose less than pairs that are exchanged", async () => {
  const { made, loss } = pairsGraph();
  const session = await openSession(
    new Uint8Array(Buffer.concat(serializeModel(modelOf(made.graph)))),
  );
  const data = Float32Array.from({ length: BATCH * WIDTH }, (_, at) => Math.cos(at * 1.1));
  const exchanged = data.slice();
  exchanged.copyWithin(0, WIDTH);
  exchanged.set(data.subarray(0, WIDTH), (BATCH - 1) * WIDTH);
  const shape = [BATCH, WIDTH];
  const lossOf = async (right: Float32Array): Promise<number> => {
    const found = await session.run({
      left: { type: "float32", shape, data },
      right: { type: "float32", shape, data: right },
    });
    return numbers(found, loss)[0] ?? 0;
  };
  expect(await lossOf(data)).toBeLessThan(await lossOf(exchanged));
  await session.close();
});
