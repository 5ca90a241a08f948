/** A profile of trtexec: one network's layers correct the cells of a table. */
import { basename } from "node:path";
import { InputError, UsageError } from "../../core/errors.ts";
import { readFileBytes, readJson } from "../../core/files.ts";
import { correctTable } from "../../latency/calibrate/correct-table.ts";
import { profiledOps } from "../../latency/ops.ts";
import { creditLayers } from "../../latency/remote/runners/trtexec/credit-layers.ts";
import { parseTrtLayers, parseTrtProfile } from "../../latency/remote/runners/trtexec/outputs.ts";
import { type LatencyTable, readTable, tableHash } from "../../latency/table.ts";
import { coverageOf } from "../../latency/tables/summary.ts";
import { structureHash } from "../../structure/structure-json.ts";
import { cutGraph } from "../../subnet/cut.ts";
import { keepAll, type Subnet } from "../../subnet/subnet.ts";
import { parseSubnet } from "../../subnet/subnet-file.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { ImportTableOptions } from "./import-table.ts";

/** One network's layers correct the cells of a table that it used, and those near them. */
export function profileTable(
  open: OpenNetwork,
  text: string,
  file: string,
  options: ImportTableOptions,
): LatencyTable {
  if (options.base === undefined) throw needsBase(file);
  const base = readTable(options.base);
  const { structure } = open;
  if (base.network.structureHash !== structureHash(structure))
    throw otherNetwork(base, open, options.base);
  refuseOtherSetting(base, options);
  const subnet = subnetOf(open, options.subnet);
  const graph = cutGraph(structure, subnet);
  const ops = profiledOps(structure);
  const layers =
    options.layers === undefined
      ? []
      : parseTrtLayers(new TextDecoder().decode(readFileBytes(options.layers)), options.layers);
  const names = graph.nodes.map(({ name }) => name);
  const credited = creditLayers(graph, names, ops, parseTrtProfile(text, file), layers);
  const totalMs = credited.reduce((sum, { ms }) => sum + ms, 0);
  if (totalMs === 0) throw unknownLayers(file);
  const isDense = options.subnet === undefined;
  const nothing = { opMs: ops.map(() => null), opEvents: ops.map(() => 0) };
  const denseMs = isDense ? totalMs : base.denseMs;
  const { table, cells } = correctTable(base, {
    structure,
    ops,
    dense: { ...nothing, totalMs: denseMs, referenceMs: denseMs },
    measured: [
      {
        subnet,
        measurement: {
          opMs: credited.map(({ ms, events }) => (events === 0 ? null : ms)),
          opEvents: credited.map(({ events }) => events),
          totalMs,
          referenceMs: denseMs,
        },
      },
    ],
    date: options.date,
  });
  const source = {
    hash: tableHash(base),
    date: base.date,
    command: base.command,
    runs: base.runs,
    cells: coverageOf(base.ops).cells,
    role: "imported",
  };
  return {
    ...table,
    date: options.date,
    command: options.command,
    expectedError: null,
    sources: [...(base.sources ?? []), source],
    notes: [
      ...base.notes,
      `${cells} cells were corrected by a profile of ${isDense ? "the whole network" : "one subnet"} (${basename(file)}); what lies far from them rests on the table before.`,
    ],
  };
}

function subnetOf({ structure }: OpenNetwork, path: string | undefined): Subnet {
  return path === undefined
    ? keepAll(structure)
    : parseSubnet(readJson(path), structure, path).subnet;
}

function refuseOtherSetting(base: LatencyTable, { batch, precision }: ImportTableOptions): void {
  const different = [
    ...(batch !== undefined && batch !== base.batch
      ? [`batch ${batch}, the table ${base.batch}`]
      : []),
    ...(precision !== undefined && precision !== base.precision
      ? [`${precision}, the table ${base.precision}`]
      : []),
  ];
  if (different.length === 0) return;
  throw new InputError({
    code: "latency/other-setting",
    message: `The profile was made at ${different.join("; ")}.`,
    where: "--base",
    hint: "Correct a table that was made for the same batch and precision.",
  });
}

function needsBase(file: string): UsageError {
  return new UsageError({
    code: "cli/import-base",
    message:
      "A profile tells the times of one network, which are one cell of each operation: which table do they correct?",
    where: file,
    hint: "Name it with --base; mdp predict makes one for a device, mdp profile --host measures the board itself.",
  });
}

function otherNetwork(base: LatencyTable, open: OpenNetwork, where: string): InputError {
  return new InputError({
    code: "latency/other-network",
    message: `The table was made for network '${base.network.name}', which is not built like '${open.name}'.`,
    where,
    hint: "Name a table of this network with --base, or the network with --model.",
  });
}

function unknownLayers(file: string): InputError {
  return new InputError({
    code: "latency/nothing-imported",
    message: "No layer of the profile bears the name of a node of this network.",
    where: file,
    hint: "Give trtexec's --exportLayerInfo with --layers, and the network that the engine was built from with --model (--subnet where it was pruned).",
  });
}
