import { MdpError, UsageError } from "../../core/errors.ts";
import { peakMemory } from "../../graph/liveness.ts";
import { inferShapes } from "../../graph/shapes/infer.ts";
import type { Importance } from "../../importance/importance.ts";
import { columnTable, type SummedColumn } from "../../latency/column-table.ts";
import { predictNetwork } from "../../latency/predict-network.ts";
import type { LatencyTable } from "../../latency/table.ts";
import type { NetworkProblem } from "../network/network-problem.ts";
import {
  equalTieTables,
  type IsMeant,
  importanceTables,
  latencyTables,
  tieTable,
} from "../network/network-tables.ts";
import { OUTSIDE } from "../network/places.ts";
import { nonzerosOf } from "../sparsity/quantities.ts";
import { componentOf } from "./components.ts";
import { countOf, droppedBlocksOf, droppedLayersOf } from "./count-quantities.ts";
import { damagedPart, scoredBy } from "./damage.ts";
import type { QuantityRef } from "./form.ts";
import { keptImportance, type MeasuredSubnet, measuredWhole } from "./measure.ts";
import type { RunSetting } from "./memories.ts";
import { memoryPoints } from "./memory.ts";
import { product, type Quantity, sumOf } from "./quantity.ts";
import { limitError, type Source } from "./source.ts";
import { bytesOf, macsOf, paramsOf } from "./weight-quantities.ts";

/** What quantities are taken from. */
export interface LimitSources {
  readonly network: NetworkProblem;
  readonly importance: Importance;
  /** Of the device that the network is for; null where no device was named. */
  readonly table: LatencyTable | null;
  /** The table of another device, or of a table file. */
  readonly tableOf: (deviceOrPath: string) => LatencyTable;
  /** Parts of the network by name: the layers whose names match. */
  readonly components: ReadonlyMap<string, RegExp>;
}

/**
 * The quantity that an expression names.
 * @throws UsageError `formulation/limit-name`, `formulation/limit-argument`; InputError from tables
 */
export function quantityOf(ref: QuantityRef, sources: LimitSources, source: Source): Quantity {
  const { network, table } = sources;
  switch (ref.name) {
    case "params":
      return paramsOf(network, componentOf(ref, sources, source));
    case "nonzeros":
      return nonzerosOf(network, ref, source, sources.components);
    case "macs":
      return macsOf(network, componentOf(ref, sources, source));
    case "bytes":
      return bytesOf(network, componentOf(ref, sources, source));
    case "memory":
      return memoryQuantity(network, runSetting(table ?? noTable(ref, source)));
    case "latency":
      return latencyOf(network, latencyTable(ref, sources, source));
    case "energy":
      return columnOf(network, latencyTable(ref, sources, source), "energyMj");
    case "device_memory":
      return columnOf(network, latencyTable(ref, sources, source), "memoryBytes");
    case "importance":
      return importanceQuantity(sources, componentOf(ref, sources, source).hasLayer);
    case "damage":
      return damageQuantity(sources, ref, source);
    case "count":
      return countOf(network, ref, source);
    case "dropped_blocks":
      return droppedBlocksOf(network, ref, source);
    case "dropped_layers":
      return droppedLayersOf(network);
    default:
      return ref.name satisfies never;
  }
}

/** The table that `latency` or `latency('...')` reads. */
export function latencyTable(
  ref: QuantityRef,
  sources: Pick<LimitSources, "table" | "tableOf">,
  source: Source,
): LatencyTable {
  const { argument, at } = ref;
  if (argument !== null) return namedTable(sources, argument, source, at);
  return sources.table ?? noTable(ref, source);
}

function noTable({ name, at }: QuantityRef, source: Source): never {
  throw limitError(
    source,
    at,
    "name",
    `${name} needs a device, and none is named.`,
    name === "memory" ? "Limit bytes or nonzeros here." : `Write ${name}('jetson-nano').`,
  );
}

/** @throws UsageError `formulation/limit-name` where no device has that name; InputError where its table can't be used */
export function namedTable(
  { tableOf }: Pick<LimitSources, "table" | "tableOf">,
  device: string,
  source: Source,
  at: number,
): LatencyTable {
  try {
    return tableOf(device);
  } catch (error) {
    if (!(error instanceof MdpError)) throw error;
    const { message, hint } = error;
    const isName = error.code === "latency/unknown-device" || error instanceof UsageError;
    throw isName ? limitError(source, at, "name", message, hint ?? "") : error;
  }
}

/** How a network runs where the table was made. */
export function runSetting({ batch, precision }: LatencyTable): RunSetting {
  return { batch, floatBytes: /16/.test(precision) ? 2 : 4 };
}

function memoryQuantity(network: NetworkProblem, setting: RunSetting): Quantity {
  const { batch, floatBytes } = setting;
  const sums = memoryPoints(network, setting).map((point) =>
    sumOf(
      network,
      point.map(({ name, size, place, sign }) =>
        product(network, `memory of ${name}`, place, sign * size.factor, size.axes),
      ),
    ),
  );
  const measure = (subnet: MeasuredSubnet): number => {
    const graph = subnet.graph();
    return peakMemory(graph, inferShapes(graph, { batch }), floatBytes) ?? Number.NaN;
  };
  return { sums, isExact: false, measure };
}

function latencyOf(network: NetworkProblem, table: LatencyTable): Quantity {
  const measure = ({ structure, subnet }: MeasuredSubnet): number =>
    predictNetwork(table, structure, subnet).ms;
  return { sums: [sumOf(network, latencyTables(table, network))], isExact: true, measure };
}

/** Energy and memory sum over operations as times do. */
function columnOf(network: NetworkProblem, table: LatencyTable, column: SummedColumn): Quantity {
  return latencyOf(network, columnTable(table, column));
}

function importanceQuantity(
  { network, importance }: Pick<LimitSources, "network" | "importance">,
  isMeant: IsMeant,
): Quantity {
  const { problem, structure, layerIndices } = network;
  const layers = layerIndices.flatMap((index) => structure.layers[index] ?? []);
  const tables = [
    ...importanceTables(network, isMeant),
    ...layers.flatMap((layer, index) => equalTieTables(layer, index, network, isMeant)),
  ];
  const ties = layers.map((layer, index) =>
    problem.layers[index]?.tie ? tieTable(layer, network, isMeant) : null,
  );
  const measure = (subnet: MeasuredSubnet): number => keptImportance(subnet, importance, isMeant);
  return { sums: [{ tables, ties }], isExact: true, measure };
}

/** What is lost of the importance that the damages of one answer are written as. */
function damageQuantity(sources: LimitSources, ref: QuantityRef, source: Source): Quantity {
  const importance = damagedPart(sources.importance, ref, source);
  const network = scoredBy(sources.network, importance);
  const kept = importanceQuantity({ network, importance }, () => true);
  const whole = kept.measure(measuredWhole(network.structure));
  const constant = product(network, "damage of dropping all", OUTSIDE, whole, []);
  return {
    isExact: kept.isExact,
    sums: kept.sums.map(({ tables, ties }) => ({
      tables: [
        ...tables.map((each) => ({ ...each, table: each.table.map((gain) => -gain) })),
        constant,
      ],
      ties: ties.map((tie) => tie?.map((gain) => -gain) ?? null),
    })),
    measure: (subnet) => whole - kept.measure(subnet),
  };
}
