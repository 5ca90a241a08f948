import { expect, test } from "vitest";
import { convolutionBlock } from "../../src/gradients/block-size.ts";
import { blockedConvolutions } from "../../src/gradients/blocked.ts";
import { differentiate } from "../../src/gradients/differentiate.ts";
import { parametersAsInputs, trainableParameters } from "../../src/gradients/parameters.ts";
import { staticGraph } from "../../src/gradients/static-graph.ts";
import { trainingMode } from "../../src/gradients/training-mode.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { compareOutputs } from "../../src/runtime/compare.ts";
import { randomFeeds } from "../../src/runtime/feeds.ts";
import { type Feeds, openSession } from "../../src/runtime/session.ts";
import { networkBuilder } from "../helpers/networks.ts";
import { bytesOfModel } from "../helpers/ort.ts";

const block = await convolutionBlock();

async function run(graph: Graph): Promise<Feeds> {
  const session = await openSession(bytesOfModel(modelOf(graph)));
  const results = await session.run(randomFeeds(session.inputs, { seed: 5 }));
  await session.close();
  return results;
}

function wideNetwork(): Graph {
  const b = networkBuilder(1);
  const from = b.conv("stem", b.input("input", ["batch", 3, 10, 10]), { from: 3, to: 32 });
  const deep = b.conv("deep", b.relu(from), { from: 32, to: 32, groups: 32 });
  const odd = b.conv("odd", b.relu(deep), { from: 32, to: 24, stride: 2 });
  const last = b.conv("last", odd, { from: 24, to: 48, kernel: 1 });
  const wide = b.conv("wide", last, { from: 48, to: 48 });
  // Not linear: the mean of what batch normalisation has centred wouldn't move.
  const bent = b.node("Exp", [b.node("Tanh", [wide])]);
  b.output(b.node("ReduceMean", [bent], { outputs: ["y"], attributes: { keepdims: 0 } }));
  return b.graph();
}

test.skipIf(block === null)(
  "a step with blocked convolutions computes what it does without (skipped where the runtime has no such layout)",
  async () => {
    const { graph: training } = trainingMode(staticGraph(wideNetwork(), { batch: 3 }));
    const names = trainableParameters(training, "y");
    const fed = parametersAsInputs(training, names);
    const { graph } = differentiate(fed, { loss: "y", withRespectTo: names });
    const blocked = blockedConvolutions(graph, block ?? 16);
    const count = (whole: Graph): number =>
      whole.nodes.filter(({ opType, domain }) => opType === "Conv" && domain !== "").length;
    expect(count(blocked)).toBeGreaterThanOrEqual(4);
    const [plain, other] = [await run(graph), await run(blocked)];
    // A shift before a 1x1 convolution and batch normalisation changes nothing: its gradient is noise.
    const telling = (feeds: Feeds): Feeds =>
      Object.fromEntries(Object.entries(feeds).filter(([name]) => !name.includes("odd.bn.bias")));
    const difference = compareOutputs(telling(plain), telling(other));
    expect(difference.maxRelative, difference.output ?? "").toBeLessThan(1e-4);
    expect(Object.keys(other)).toEqual(Object.keys(plain));
  },
);

test("channels that don't fill blocks stay as they are", () => {
  const graph = staticGraph(wideNetwork(), { batch: 1 });
  const blocked = blockedConvolutions(graph, 5);
  expect(blocked).toBe(graph);
});
