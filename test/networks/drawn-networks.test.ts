import { expect, test } from "vitest";
import { sha256 } from "../../src/core/files.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { elementCount } from "../../src/graph/tensor.ts";
import { agentNetwork } from "../../src/networks/agent.ts";
import { autoencoderNetwork } from "../../src/networks/autoencoder.ts";
import { captionsNetwork, captionsTrainingNetwork } from "../../src/networks/captions.ts";
import { inspectorNetwork } from "../../src/networks/inspector.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { serializeModel } from "../../src/onnx/write.ts";
import { type Feed, openSession } from "../../src/runtime/session.ts";

const SHAPE = { words: 30, length: 14, answers: 14 };
const NETWORKS: readonly [string, (seed: number) => Graph, number, Record<string, number[]>][] = [
  ["autoencoder", autoencoderNetwork, 201_777, { reconstruction: [1, 28, 28] }],
  ["agent", agentNetwork, 48_739, { policy: [1], reward: [1], value: [1] }],
  ["inspector", inspectorNetwork, 69_957, { defect: [4], place: [36] }],
  [
    "captions",
    (seed) => captionsNetwork(SHAPE, seed),
    375_320,
    { image_embed: [64], text_embed: [64], fused: [64], answer: [14] },
  ],
];

function bytesOf(graph: Graph): Uint8Array {
  return new Uint8Array(Buffer.concat(serializeModel(modelOf(graph))));
}

function parameters(graph: Graph): number {
  let count = 0;
  for (const { type, shape } of graph.initializers.values()) {
    if (type === "float32") count += elementCount(shape);
  }
  return count;
}

test.each(NETWORKS)(
  "%s is a function of its seed, and runs at any batch with the outputs it names",
  async (_name, network, count, outputs) => {
    expect(sha256(bytesOf(network(1)))).toBe(sha256(bytesOf(network(1))));
    expect(sha256(bytesOf(network(1)))).not.toBe(sha256(bytesOf(network(2))));
    expect(parameters(network(1))).toBe(count);
    const graph = network(1);
    const session = await openSession(bytesOf(graph));
    try {
      for (const batch of [1, 3]) {
        const found = await session.run(feedsFor(graph, batch));
        for (const [output, shape] of Object.entries(outputs)) {
          expect(found[output]?.shape).toEqual([batch, ...shape]);
          const values = found[output]?.data as Float32Array;
          expect(values.every(Number.isFinite)).toBe(true);
          // Two samples that differ get different answers: nothing is cut off on the way.
          if (batch > 1) expect(new Set(values).size).toBeGreaterThan(1);
        }
      }
    } finally {
      await session.close();
    }
  },
);

function feedsFor(graph: Graph, batch: number): Record<string, Feed> {
  return Object.fromEntries(
    graph.inputs.map(({ name, type, shape }): [string, Feed] => {
      const sizes = [batch, ...(shape ?? []).slice(1).map(Number)];
      const length = elementCount(sizes);
      if (type === "int64") {
        const data = BigInt64Array.from({ length }, (_, at) => BigInt((at * 7) % 30));
        return [name, { type, shape: sizes, data }];
      }
      const data = Float32Array.from({ length }, (_, at) => Math.sin(at * 1.7));
      return [name, { type: "float32", shape: sizes, data }];
    }),
  );
}

test("the training form of the vision-language network has the shipped form's weights and answers", async () => {
  const [plain, training] = [captionsNetwork(SHAPE, 5), captionsTrainingNetwork(SHAPE, 5)];
  for (const [name, tensor] of plain.initializers) {
    if (tensor.type !== "float32") continue;
    expect(sha256(training.initializers.get(name)?.bytes() ?? ""), name).toBe(
      sha256(tensor.bytes()),
    );
  }
  const { image, tokens } = feedsFor(plain, 2) as { image: Feed; tokens: Feed };
  const turned: Feed = {
    type: "int64",
    shape: tokens.shape,
    data: BigInt64Array.from(tokens.data as BigInt64Array, (token) => (token + 3n) % 30n),
  };
  const sessions = [await openSession(bytesOf(plain)), await openSession(bytesOf(training))];
  const [own, form] = sessions;
  const caption = await own?.run({ image, tokens });
  const question = await own?.run({ image, tokens: turned });
  const both = await form?.run({ image, caption: tokens, question: turned });
  for (const [output, wanted] of [
    ["image_embed", caption],
    ["text_embed", caption],
    ["fused", question],
    ["answer", question],
  ] as const) {
    const found = both?.[output]?.data as Float32Array;
    const right = wanted?.[output]?.data as Float32Array;
    for (const [at, value] of right.entries()) expect(found[at]).toBeCloseTo(value, 4);
  }
  for (const session of sessions) await session.close();
});
