import { MdpError, UsageError } from "../../core/errors.ts";
import { readWeights } from "../../graph/constants.ts";
import { nodeId } from "../../graph/graph.ts";
import { peakMemory } from "../../graph/liveness.ts";
import { inferShapes } from "../../graph/shapes/infer.ts";
import { consumersOf } from "../../graph/traversal.ts";
import type { Importance } from "../../importance/importance.ts";
import { columnTable, type SummedColumn } from "../../latency/column-table.ts";
import { predictNetwork } from "../../latency/predict-network.ts";
import type { LatencyTable } from "../../latency/table.ts";
import { macCount, parameterCount } from "../../structure/counts.ts";
import type { AxisCount } from "../../structure/structure.ts";
import type { NetworkProblem } from "../network/network-problem.ts";
import {
  equalTieTables,
  type IsMeant,
  importanceTables,
  latencyTables,
  type PlacedTable,
  tableOver,
  tieTable,
} from "../network/network-tables.ts";
import { OUTSIDE, type Place, placeAround } from "../network/places.ts";
import { nonzerosOf, sparseBytesOf } from "../sparsity/quantities.ts";
import { blocksNamed } from "./blocks-named.ts";
import { componentOf, type Part } from "./components.ts";
import { damagedPart, scoredBy } from "./damage.ts";
import { dimsNamed } from "./dims-named.ts";
import type { QuantityRef } from "./form.ts";
import {
  goneBlocks,
  goneLayers,
  keptChannels,
  keptImportance,
  type MeasuredSubnet,
  measuredWhole,
} from "./measure.ts";
import type { RunSetting } from "./memories.ts";
import { memoryPoints } from "./memory.ts";
import { limitError, type Source } from "./source.ts";

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

/** Tables whose sum is a quantity, and what dropped layers' ties add to it (per layer of the problem and option). */
export interface Sum {
  readonly tables: readonly PlacedTable[];
  readonly ties: readonly (readonly number[] | null)[];
}

/** A quantity of the subnet as sums over the choices, and counted on the subnet itself. */
export interface Quantity {
  /** One, or several of which the largest is meant. */
  readonly sums: readonly Sum[];
  /** Whether the sums are the quantity itself, not an upper bound of it. */
  readonly isExact: boolean;
  readonly measure: (subnet: MeasuredSubnet) => number;
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

function sumOf(network: NetworkProblem, tables: readonly PlacedTable[]): Sum {
  return { tables, ties: network.problem.layers.map(() => null) };
}

function product(
  { axes }: NetworkProblem,
  name: string,
  place: Place,
  factor: number,
  over: readonly AxisCount[],
): PlacedTable {
  const table = tableOver(axes, over, (lengths) =>
    lengths.reduce((result, length) => result * length, factor),
  );
  return { name, place, ...table };
}

/** Where something is while any of its readers is; not exact where they aren't within one another. */
function placeOfReaders(
  network: NetworkProblem,
  readers: readonly string[],
): { readonly place: Place; readonly isExact: boolean } {
  const places = readers.map((reader) => network.places.of(reader));
  const [first = OUTSIDE, ...rest] = places;
  const place = rest.reduce(
    (left, right) => placeAround(network.problem.blocks, left, right),
    first,
  );
  const isSame = (other: Place): boolean =>
    other.block === place.block && other.layer === place.layer;
  return { place, isExact: places.some(isSame) };
}

function paramsOf(network: NetworkProblem, part: Part): Quantity {
  let isExact = true;
  const weights = network.structure.weights.filter(({ consumers }) => isReadIn(part, consumers));
  const names = new Set(weights.map(({ name }) => name));
  const tables = weights.map(({ name, factor, axes, consumers }) => {
    const where = placeOfReaders(network, consumers);
    isExact &&= where.isExact;
    return product(network, `parameters of ${name}`, where.place, factor, axes);
  });
  const measure = ({ own }: MeasuredSubnet): number =>
    parameterCount({ ...own(), weights: own().weights.filter(({ name }) => names.has(name)) });
  return { sums: [sumOf(network, tables)], isExact, measure };
}

/** Whether a weight belongs to a part: where the first of its readers does. */
function isReadIn(part: Part, readers: readonly string[]): boolean {
  const [first] = readers;
  return part.hasNode(first ?? "");
}

function macsOf(network: NetworkProblem, part: Part): Quantity {
  const layers = network.structure.layers.filter(({ name }) => part.hasLayer(name));
  const contractions = network.structure.contractions.filter(({ id }) => part.hasNode(id));
  const tables = [
    ...layers.map(({ name, id, macsPerPair, input, output, places }) =>
      product(network, `MACs of ${name}`, network.places.of(id), macsPerPair, [
        ...[input, output],
        ...places,
      ]),
    ),
    ...contractions.map(({ id, factor, axes }) =>
      product(network, `MACs of ${id}`, network.places.of(id), factor, axes),
    ),
  ];
  const ids = new Set(contractions.map(({ id }) => id));
  const measure = ({ own }: MeasuredSubnet): number => {
    const { layers: kept, contractions: left } = own();
    return macCount({
      ...own(),
      layers: kept.filter(({ name }) => part.hasLayer(name)),
      contractions: left.filter(({ id }) => ids.has(id)),
    });
  };
  return { sums: [sumOf(network, tables)], isExact: true, measure };
}

function bytesOf(network: NetworkProblem, part: Part): Quantity {
  const { graph, count } = network.structure;
  const consumers = consumersOf(graph);
  let isExact = true;
  const readersOf = (name: string): readonly string[] => (consumers.get(name) ?? []).map(nodeId);
  const weights = readWeights(graph).filter(({ name }) => isReadIn(part, readersOf(name)));
  const names = new Set(weights.map(({ name }) => name));
  const tables = weights.map(({ name, tensor }) => {
    const where = placeOfReaders(network, readersOf(name));
    isExact &&= where.isExact;
    const lengths = tensor.shape.map((_, axis) => count(name, axis));
    const elements = tensor.shape.reduce((total, extent) => total * extent, 1);
    const perElement = elements === 0 ? 0 : tensor.byteLength / elements;
    const table = product(network, `bytes of ${name}`, where.place, perElement, lengths);
    return { weight: name, table };
  });
  if (network.sparsity !== undefined) {
    return { ...sparseBytesOf(network, network.sparsity, tables), isExact };
  }
  const measure = (subnet: MeasuredSubnet): number =>
    readWeights(subnet.graph())
      .filter(({ name }) => names.has(name))
      .reduce((sum, { tensor }) => sum + tensor.byteLength, 0);
  return {
    sums: [
      sumOf(
        network,
        tables.map(({ table }) => table),
      ),
    ],
    isExact,
    measure,
  };
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

function countOf(network: NetworkProblem, ref: QuantityRef, source: Source): Quantity {
  const { structure, problem, choices, variables } = network;
  const [dim, ...more] = dimsNamed(structure, ref, source);
  if (dim === undefined || more.length > 0) {
    throw limitError(
      source,
      ref.at,
      "argument",
      `${ref.argument} names ${more.length + 1} dims: ${[dim, ...more]
        .map((each) => each?.name)
        .slice(0, 4)
        .join(", ")}...`,
      "One limit for each of several dims compares count(...) alone with a number; in a sum or a soft limit, name a single dim.",
    );
  }
  const { index, name, unitChannels } = dim;
  const block = problem.blocks.length > 0 ? dim.block : null;
  const channels = (choices[index]?.counts ?? [dim.size]).map((units) => units * unitChannels);
  const table: PlacedTable = {
    name: `channels of ${name}`,
    place: { block, layer: null },
    axes: [{ kind: "dim", index: variables[index] ?? index }],
    table: Float64Array.from(channels),
  };
  const measure = (subnet: MeasuredSubnet): number => keptChannels(subnet, index);
  return { sums: [sumOf(network, [table])], isExact: true, measure };
}

function droppedBlocksOf(network: NetworkProblem, ref: QuantityRef, source: Source): Quantity {
  const { structure, problem } = network;
  const named = new Set(blocksNamed(structure, ref, source));
  const tables = problem.blocks.flatMap(({ name }, block): PlacedTable[] =>
    named.has(block)
      ? [product(network, `block ${name} kept`, { block, layer: null }, -1, [])]
      : [],
  );
  // Where no block may be dropped the program has none.
  tables.push(product(network, "blocks", OUTSIDE, tables.length, []));
  const measure = (subnet: MeasuredSubnet): number =>
    goneBlocks(subnet, (block) => named.has(block));
  return { sums: [sumOf(network, tables)], isExact: true, measure };
}

function droppedLayersOf(network: NetworkProblem): Quantity {
  const tables = network.problem.layers.flatMap(({ name, block }, layer) => [
    product(network, `layer ${name}`, { block, layer: null }, 1, []),
    product(network, `layer ${name} kept`, { block, layer }, -1, []),
  ]);
  return { sums: [sumOf(network, tables)], isExact: true, measure: goneLayers };
}
