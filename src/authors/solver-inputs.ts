/**
 * The inputs of the authors' solver, as they pickle them before each pruning step, turned into the instance format of
 * docs/instances.md without changing a number. Two layouts are known:
 *
 *   13 items (MDP, `*_solver_inputs_hahp_*.pkl`): latencies by layer, importances by layer, three lists about channels,
 *     layer -> group, layer -> block, group -> options, groups, budget, extra room, two that aren't needed
 *   6 items (MobileNet, `*_solver_inputs_latv2_*.pkl`): latencies by layer, importances by group, budget, extra room, two more
 *
 * A latency is (group before or None, array [count] or [count, count before]) in microseconds; a group is the tuple of its
 * layers' names; importances are cumulative.
 */
import {
  dictIn,
  itemsIn,
  numberIn,
  numbersIn,
  textIn,
  type Unexpected,
  unexpectedIn,
} from "./layout.ts";
import { type PickleValue, pickleText } from "./pickle-values.ts";

/** As docs/instances.md describes it. */
export interface InstanceDocument {
  readonly name: string;
  readonly units: { readonly latency: string; readonly importance: string };
  readonly groups: readonly InstanceGroup[];
  readonly layers: readonly InstanceLayer[];
  readonly budget: number;
}

interface InstanceGroup {
  readonly id: string;
  readonly keepAll?: boolean;
  readonly options: number;
  readonly importance?: readonly number[];
  readonly layers: readonly string[];
}

interface InstanceLayer {
  readonly name: string;
  readonly group: string;
  readonly inputGroup: string | null;
  readonly block: number | null;
  readonly importance?: readonly number[];
  readonly latency: readonly number[] | readonly (readonly number[])[];
}

const WITH_BLOCKS = 13;
const WITHOUT_BLOCKS = 6;

/** Whether it looks like solver inputs, in whatever state. */
export function areSolverInputs(value: PickleValue): boolean {
  if (typeof value !== "object" || value === null || !("kind" in value)) return false;
  return value.kind === "list" && [WITH_BLOCKS, WITHOUT_BLOCKS].includes(value.items.length);
}

/**
 * @param name what to call the instance
 * @throws InputError `formulation/pickle-layout`
 */
export function solverInputs(value: PickleValue, name: string, where: string): InstanceDocument {
  const bad = unexpectedIn(where);
  const items = itemsIn(value, "the content", bad);
  const latencies = new Map(
    dictIn(items[0], "the latencies", bad).entries.map(([layer, entry]) => {
      const key = textIn(layer, "a layer's name", bad);
      return [key, latencyOf(entry, key, bad)];
    }),
  );
  const parts =
    items.length === WITH_BLOCKS
      ? withBlocks(items, latencies, bad)
      : withoutBlocks(items, latencies, bad);
  return {
    name,
    units: { latency: "microseconds", importance: "1e-6 Taylor units" },
    ...parts,
  };
}

interface Latency {
  /** Names of the layers of the group before, null for the first layer. */
  readonly before: readonly string[] | null;
  readonly table: readonly number[] | readonly (readonly number[])[];
}

type Latencies = ReadonlyMap<string, Latency>;
type Parts = Pick<InstanceDocument, "groups" | "layers" | "budget">;

function withBlocks(items: readonly PickleValue[], latencies: Latencies, bad: Unexpected): Parts {
  const importances = new Map(
    dictIn(items[1], "the importances", bad).entries.map(([layer, list]) => [
      textIn(layer, "a layer's name", bad),
      numbersIn(list, "an importance", bad),
    ]),
  );
  const blocks = new Map(
    dictIn(items[6], "the blocks", bad).entries.map(([layer, block]) => [
      textIn(layer, "a layer's name", bad),
      numberIn(block, "a block", bad),
    ]),
  );
  const groups: InstanceGroup[] = [];
  const layers: InstanceLayer[] = [];
  for (const [key, count] of dictIn(items[7], "the groups' options", bad).entries) {
    // What a step before has dropped is still named, but no longer scored.
    const names = namesOf(key, bad).filter((layer) => importances.has(layer));
    const id = idOf(namesOf(key, bad));
    groups.push({
      id,
      keepAll: names.includes(FIRST_LAYER),
      options: numberIn(count, `the options of group ${id}`, bad),
      layers: names.map(shortName),
    });
    for (const layer of names) {
      const importance = importances.get(layer) ?? [];
      const block = blocks.get(layer) ?? null;
      layers.push({ ...layerOf(layer, id, latencies, bad), block, importance });
    }
  }
  return checked({ groups, layers, budget: budgetOf(items[9], items[10], bad) }, bad);
}

function withoutBlocks(
  items: readonly PickleValue[],
  latencies: Latencies,
  bad: Unexpected,
): Parts {
  const groups: InstanceGroup[] = [];
  const layers: InstanceLayer[] = [];
  for (const [key, list] of dictIn(items[1], "the importances", bad).entries) {
    const names = namesOf(key, bad);
    const id = idOf(names);
    const importance = numbersIn(list, `the importance of group ${id}`, bad);
    const isFirst = names.includes(FIRST_LAYER);
    groups.push({
      id,
      ...(isFirst ? { keepAll: true } : {}),
      options: importance.length,
      importance,
      layers: names.map(shortName),
    });
    for (const layer of names) layers.push({ ...layerOf(layer, id, latencies, bad), block: null });
  }
  return checked({ groups, layers, budget: budgetOf(items[2], items[3], bad) }, bad);
}

/** In their program it keeps all its channels and its importance doesn't count. */
const FIRST_LAYER = "module.conv1";

function layerOf(
  layer: string,
  group: string,
  latencies: Latencies,
  bad: Unexpected,
): Omit<InstanceLayer, "block"> {
  const latency = latencies.get(layer);
  if (latency === undefined) return bad(`layer ${layer} has an importance but no latency`);
  const inputGroup = latency.before === null ? null : idOf(latency.before);
  return { name: shortName(layer), group, inputGroup, latency: latency.table };
}

function latencyOf(entry: PickleValue, layer: string, bad: Unexpected): Latency {
  const [before = null, table = null] = itemsIn(entry, `the latency of ${layer}`, bad);
  const names = before === null ? null : namesOf(before, bad);
  if (typeof table !== "object" || table === null || !("kind" in table) || table.kind !== "array") {
    return bad(`the latency of ${layer} is ${pickleText(table)} instead of an array`);
  }
  const [rows = 0, columns = 1, more] = table.shape;
  if (table.shape.length === 0 || more !== undefined) {
    return bad(`the latency of ${layer} is ${pickleText(table)}`);
  }
  if (!table.data.every(Number.isFinite)) {
    return bad(`the latency of ${layer} has entries that are no finite numbers`);
  }
  if (table.shape.length === 1) return { before: names, table: [...table.data] };
  const matrix = Array.from({ length: rows }, (_, row) => [
    ...table.data.subarray(row * columns, (row + 1) * columns),
  ]);
  return { before: names, table: matrix };
}

function budgetOf(
  budget: PickleValue | undefined,
  extra: PickleValue | undefined,
  bad: Unexpected,
): number {
  return numberIn(budget, "the budget", bad) + numberIn(extra, "the extra room", bad);
}

/** A vector's input group only says where the layer hangs; one that isn't in the program is left out. */
function checked(parts: Parts, bad: Unexpected): Parts {
  const ids = new Set(parts.groups.map(({ id }) => id));
  const layers = parts.layers.map((layer) => {
    if (layer.inputGroup === null || ids.has(layer.inputGroup)) return layer;
    if (typeof layer.latency[0] === "number") return { ...layer, inputGroup: null };
    return bad(`layer ${layer.name} reads group ${layer.inputGroup}, which isn't there`);
  });
  return { ...parts, layers };
}

function namesOf(group: PickleValue, bad: Unexpected): readonly string[] {
  if (typeof group === "string") return [group];
  const names = itemsIn(group, "a group", bad).map((name) => textIn(name, "a layer's name", bad));
  return names.length === 0 ? bad("a group without layers") : names;
}

/** A group is called like its first layer. */
function idOf(names: readonly string[]): string {
  return shortName(names[0] ?? "");
}

/** Without the wrapper that their models are in. */
function shortName(layer: string): string {
  return layer.replace(/^module\./, "");
}
