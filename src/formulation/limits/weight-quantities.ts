/** What is counted on weights and layers: parameters, multiply-accumulates, bytes. */
import { readWeights } from "../../graph/constants.ts";
import { nodeId } from "../../graph/graph.ts";
import { consumersOf } from "../../graph/traversal.ts";
import { macCount, parameterCount } from "../../structure/counts.ts";
import type { NetworkProblem } from "../network/network-problem.ts";
import { OUTSIDE, type Place, placeAround } from "../network/places.ts";
import { sparseBytesOf } from "../sparsity/quantities.ts";
import type { Part } from "./components.ts";
import type { MeasuredSubnet } from "./measure.ts";
import { product, type Quantity, sumOf } from "./quantity.ts";

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

/** Parameters of the weights that a part reads first. */
export function paramsOf(network: NetworkProblem, part: Part): Quantity {
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

/** Multiply-accumulates of a part's layers and products. */
export function macsOf(network: NetworkProblem, part: Part): Quantity {
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

/** Bytes of the weights that a part reads first. */
export function bytesOf(network: NetworkProblem, part: Part): Quantity {
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
