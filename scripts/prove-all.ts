/**
 * Proves 20 random subnets of every architecture of ../shared: the smaller network equals the masked original, outputs within
 * 1e-5 and layers within 1e-4. With --sabotage, makes right cuts wrong in every way of test/helpers/sabotage.ts instead and counts what the
 * proof catches. Architectures that are not there are named and skipped.
 *
 *   tsx scripts/prove-all.ts [--json] [--draws N] [--sabotage] [PATTERN]
 */
import { parseArgs } from "node:util";
import { MdpError } from "../src/core/errors.ts";
import { randomFrom } from "../src/core/random.ts";
import type { Model } from "../src/onnx/model.ts";
import { macCount } from "../src/structure/counts.ts";
import { findStructure } from "../src/structure/find-structure.ts";
import type { Structure } from "../src/structure/structure.ts";
import { proveSubnet } from "../src/subnet/prove.ts";
import { randomSubnet } from "../src/subnet/random-subnet.ts";
import { keepAll, type Subnet, unitCounts } from "../src/subnet/subnet.ts";
import { ARCHITECTURES, DRAWS } from "../test/helpers/architectures.ts";
import { countCaught } from "../test/helpers/count-caught.ts";
import { sharedGraph } from "../test/helpers/shared.ts";

interface Row {
  readonly name: string;
  readonly draws: number;
  readonly failed: number;
  /** Largest relative differences of the networks' outputs and of their layers' outputs. */
  readonly outputs: number;
  readonly layers: number;
  readonly keepAllIdentical: boolean;
  /** Smallest and largest share of MACs that a drawn subnet kept. */
  readonly macShare: readonly [number, number];
  readonly droppedBlocks: number;
  readonly droppedLayers: number;
  readonly seconds: number;
}

async function proveArchitecture(name: string, model: Model, draws: number): Promise<Row> {
  const started = performance.now();
  const structure = findStructure(model.graph);
  const random = randomFrom(7);
  const whole = await proveSubnet(model, structure, keepAll(structure), { runs: 1 });
  const [found, shares, subnets] = [
    [] as (readonly [number, number])[],
    [] as number[],
    [] as Subnet[],
  ];
  let failed = 0;
  for (let draw = 0; draw < draws; draw += 1) {
    const subnet = randomSubnet(structure, random, { minKept: 0.2 });
    subnets.push(subnet);
    shares.push(macShare(structure, subnet));
    try {
      const proof = await proveSubnet(model, structure, subnet, { seed: draw, runs: 1 });
      found.push([proof.maxRelative, proof.layersRelative]);
    } catch (error) {
      failed += 1;
      console.error(
        `${name}, draw ${draw}: ${error instanceof MdpError ? error.code : ""} ${String(error)}`,
      );
    }
  }
  return {
    name,
    draws,
    failed,
    outputs: Math.max(0, ...found.map(([outputs]) => outputs)),
    layers: Math.max(0, ...found.map(([, layers]) => layers)),
    keepAllIdentical: whole.identical,
    macShare: [Math.min(...shares), Math.max(...shares)],
    droppedBlocks: subnets.reduce((sum, subnet) => sum + subnet.droppedBlocks.length, 0),
    droppedLayers: subnets.reduce((sum, subnet) => sum + subnet.droppedLayers.length, 0),
    seconds: (performance.now() - started) / 1000,
  };
}

/** Exit code 1 where a wrong cut passes the proof. */
async function sabotage(name: string, model: Model, draws: number): Promise<void> {
  const { tried, harmless, missed, ways } = await countCaught(model, { draws, seed: 1 });
  console.log(
    `${name}: ${tried - harmless} wrong cuts in ${ways.size} ways, ${missed.length} not caught; ${harmless} without effect`,
  );
  for (const each of missed) console.log(`  ${each}`);
  if (missed.length > 0) process.exitCode = 1;
}

function macShare(structure: Structure, subnet: Subnet): number {
  return macCount(structure, { ...subnet, units: unitCounts(subnet) }) / macCount(structure);
}

const { values, positionals } = parseArgs({
  options: {
    json: { type: "boolean" },
    draws: { type: "string" },
    sabotage: { type: "boolean" },
  },
  allowPositionals: true,
});
const pattern = new RegExp(positionals[0] ?? "");
const rows: Row[] = [];
if (values.json !== true && values.sabotage !== true) {
  console.log(
    "network | subnets | failed | outputs | layers | same bits whole | MACs kept | blocks | layers dropped | s",
  );
  console.log("--- | ---: | ---: | ---: | ---: | --- | --- | ---: | ---: | ---:");
}
for (const { name, path } of ARCHITECTURES.filter((known) => pattern.test(known.name))) {
  const model = sharedGraph(path);
  if (model === null) {
    console.error(`${name} is skipped: ${path} is not there`);
    continue;
  }
  if (values.sabotage === true) {
    await sabotage(name, model, Number(values.draws ?? 1));
    continue;
  }
  const row = await proveArchitecture(name, model, Number(values.draws ?? DRAWS));
  rows.push(row);
  if (values.json === true) continue;
  const shares = row.macShare.map((share) => `${(100 * share).toFixed(0)} %`).join(" to ");
  const differences = [row.outputs.toExponential(1), row.layers.toExponential(1)];
  const whole = row.keepAllIdentical ? "yes" : "no";
  const dropped = [row.droppedBlocks, row.droppedLayers, row.seconds.toFixed(0)];
  console.log([name, row.draws, row.failed, ...differences, whole, shares, ...dropped].join(" | "));
}
if (values.json === true) console.log(JSON.stringify(rows, null, 1));
if (rows.some((row) => row.failed > 0 || !row.keepAllIdentical)) process.exitCode = 1;
