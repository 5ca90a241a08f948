import { join } from "node:path";
import { expect, test } from "vitest";
import { packageRoot } from "../../../src/core/files.ts";
import { thresholdOptions } from "../../../src/formulation/baselines/global-threshold.ts";
import { linearModel } from "../../../src/formulation/baselines/linear-model.ts";
import { keeping, meterOf, widest } from "../../../src/formulation/baselines/meter.ts";
import { networkWrittenAxes } from "../../../src/formulation/baselines/written-axes.ts";
import {
  type NetworkProblem,
  networkProblem,
} from "../../../src/formulation/network/network-problem.ts";
import { selectedSubnet } from "../../../src/formulation/network/selected-subnet.ts";
import { evaluate } from "../../../src/formulation/problem/evaluate.ts";
import type { Graph } from "../../../src/graph/graph.ts";
import { scoreNetwork } from "../../../src/importance/score.ts";
import { resolveDevice } from "../../../src/latency/devices.ts";
import { predictTable } from "../../../src/latency/predict/predict-table.ts";
import { predictNetwork } from "../../../src/latency/predict-network.ts";
import type { LatencyTable } from "../../../src/latency/table.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { checkSubnet } from "../../../src/subnet/subnet.ts";
import { NETWORKS } from "../../helpers/networks.ts";

function programOf(graph: Graph): { network: NetworkProblem; table: LatencyTable } {
  const structure = findStructure(graph);
  const device = resolveDevice("jetson-nano", [join(packageRoot(), "latency-tables")]).description;
  if (device === null) throw new Error("no description of jetson-nano");
  const table = predictTable(structure, device, { batch: 8, precision: "float16", step: 1 });
  const importance = scoreNetwork(structure, { method: "magnitude-l2" });
  const network = networkProblem(structure, importance, table, {
    ...{ step: 2, countFrom: "zero", maxPrune: 0.9, protect: null },
    ...{ blocks: true, layers: true, budgetMs: table.denseMs },
  });
  return { network, table };
}

test.each(Object.entries(NETWORKS))(
  "in %s the written axis of a convolution is its second one",
  (_, build) => {
    const { network, table } = programOf(build());
    const written = networkWrittenAxes(network, table);
    let convolutions = 0;
    network.problem.terms.forEach(({ name, axes }, index) => {
      const op = table.ops.find(({ label }) => name === `latency of ${label}`);
      if (op === undefined || !op.kind.startsWith("Conv") || axes.length !== 2) return;
      convolutions += 1;
      expect(written[index], name).toEqual([1]);
    });
    const wide = network.problem.terms.filter(({ axes }) => axes.length === 2).length;
    expect(convolutions > 0 || wide === 0).toBe(true);
  },
);

test.each(Object.entries(NETWORKS))(
  "in %s the linear model is exact where nothing changes, and a method's selection is a subnet",
  (_, build) => {
    const { network, table } = programOf(build());
    const { problem, structure } = network;
    const now = widest(problem);
    const written = networkWrittenAxes(network, table);
    const { usage } = linearModel(problem, written, now, [1]);
    expect(usage(now)[0]).toBeCloseTo(meterOf(problem, now).usage[0] ?? Number.NaN, 9);

    const narrowest =
      meterOf(
        problem,
        now.map(() => 0),
      ).usage[0] ?? Number.NaN;
    const limit = (narrowest + (meterOf(problem, now).usage[0] ?? Number.NaN)) / 2;
    const limited = {
      ...problem,
      resources: problem.resources.map((resource) => ({ ...resource, limit })),
    };
    const options = thresholdOptions(limited);
    const subnet = selectedSubnet(network, keeping(options));
    checkSubnet(structure, subnet);
    const { ms } = predictNetwork(table, structure, subnet);
    expect(ms).toBeCloseTo(evaluate(problem, keeping(options)).usage[0] ?? Number.NaN, 9);
    expect(ms).toBeLessThanOrEqual(limit + 1e-9);
  },
);
