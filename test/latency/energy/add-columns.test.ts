import { expect, test } from "vitest";
import { packageRoot } from "../../../src/core/files.ts";
import { randomFrom } from "../../../src/core/random.ts";
import { columnTable } from "../../../src/latency/column-table.ts";
import { withColumn } from "../../../src/latency/energy/add-columns.ts";
import { profiledOps } from "../../../src/latency/ops.ts";
import { readDevice } from "../../../src/latency/predict/device.ts";
import { predictTable } from "../../../src/latency/predict/predict-table.ts";
import { predictNetwork } from "../../../src/latency/predict-network.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { randomSubnet } from "../../../src/subnet/random-subnet.ts";
import { keepAll, type Subnet, unitCounts } from "../../../src/subnet/subnet.ts";
import { slicePadResnet } from "../../helpers/networks.ts";

test("energies of whole networks are divided among operations so that unseen networks come out exactly", () => {
  const structure = findStructure(slicePadResnet());
  const device = readDevice(`${packageRoot()}/latency-tables/jetson-xavier/device.json`);
  const table = predictTable(structure, device, { batch: 1, precision: "float16", step: 1 });
  expect(profiledOps(structure).length).toBeGreaterThan(0);
  const random = randomFrom(7);
  // Five watts for whatever is a convolution, one for the rest, and two millijoules for nothing.
  const truth = {
    ...table,
    fixedMs: 2,
    ops: table.ops.map((op) => ({
      ...op,
      ms: op.ms.map((ms) => (op.kind.startsWith("Conv") ? 5 : 1) * ms),
    })),
  };
  const weigh = (subnet: Subnet) => ({
    ...subnet,
    units: [...unitCounts(subnet)],
    amount: predictNetwork(truth, structure, subnet).ms,
  });
  const subnets = Array.from({ length: 60 }, () => randomSubnet(structure, random));
  const networks = [keepAll(structure), ...subnets].map(weigh);
  const energy = columnTable(
    withColumn(table, structure, "energyMj", networks.slice(0, 41), "by hand"),
    "energyMj",
  );
  for (const subnet of subnets.slice(40)) {
    const wanted = predictNetwork(truth, structure, subnet).ms;
    expect(predictNetwork(energy, structure, subnet).ms / wanted).toBeCloseTo(1, 2);
  }
});
