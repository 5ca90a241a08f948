import { InputError } from "../../core/errors.ts";
import { type BareGraph, bareGraph, graphOfBare } from "../../graph/bare-graph.ts";
import type { Graph } from "../../graph/graph.ts";
import { withoutUnread } from "../../importance/importance.ts";
import { resolveDevice, tableFolders } from "../../latency/devices.ts";
import { PRECISIONS, type Precision } from "../../latency/predict/device.ts";
import { readModel } from "../../onnx/read.ts";
import { placeOps } from "../../report/page/place-ops.ts";
import { findStructure } from "../../structure/find-structure.ts";
import { structureJson } from "../../structure/structure-json.ts";
import { type OpenNetwork, openNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import { componentsOf, limitRequest } from "../solve/given-limits.ts";
import { importanceFor } from "../solve/solve-network.ts";
import { checkSolveOptions, type GivenSettings } from "../solve/solve-settings.ts";
import { headOf } from "../solve/solved-report.ts";
import { type TableSource, tableFor } from "../tables/table-source.ts";
import type { ExplorerData, ExplorerDevice, ExplorerSettings } from "./explorer-data.ts";

/** What is explored. */
export interface ExploreSettings extends GivenSettings {
  readonly model?: string | undefined;
  readonly device?: string | undefined;
  readonly table?: string | undefined;
  readonly precision?: Precision | undefined;
  /** Further devices or table files, to switch to. */
  readonly with?: readonly string[] | undefined;
}

/**
 * What a page needs to solve the network's program by itself.
 * @throws UsageError, InputError as `checkSolveOptions`, `openNetwork` and `tableFor`; InputError `pipeline/not-without-weights`
 */
export async function explorerData(
  settings: ExploreSettings,
  context: Pick<RunContext, "bind" | "commandLine">,
): Promise<ExplorerData> {
  await checkSolveOptions(settings);
  const open = await openNetwork(settings.model, { bind: context.bind });
  const given = importanceFor(open, settings.importance);
  const importance = { ...given, used: withoutUnread(given.used, open.structure) };
  const first = sourceOf(open, settings, context);
  const others = (settings.with ?? []).map((name) => {
    const isFile = name.endsWith(".json");
    const named = { device: isFile ? undefined : name, table: isFile ? name : undefined };
    return sourceOf(open, { ...settings, batch: first.source.table.batch, ...named }, context);
  });
  const structure = structureJson(open.structure) as Parameters<typeof placeOps>[0]["structure"];
  const places = await placeOps({ structure });
  return {
    network: { name: open.name, hash: open.hash, bind: open.structure.bind, graph: graphOf(open) },
    importance: importance.used,
    importancePath: importance.path,
    devices: [first, ...others].map(({ source, option }) =>
      deviceOf(open, source, option, importance),
    ),
    settings: explorerSettings(settings),
    places: places === null ? null : [...places],
    command: commandOf(settings, open),
  };
}

interface NamedSource {
  readonly source: TableSource;
  readonly option: readonly [string, string];
}

function sourceOf(
  open: OpenNetwork,
  settings: ExploreSettings,
  { commandLine }: Pick<RunContext, "commandLine">,
): NamedSource {
  const source = tableFor(open, { ...settings, commandLine });
  const { table, device = "" } = settings;
  return { source, option: table === undefined ? ["device", device] : ["table", table] };
}

function deviceOf(
  open: OpenNetwork,
  source: TableSource,
  option: readonly [string, string],
  importance: Parameters<typeof headOf>[2],
): ExplorerDevice {
  const { table, notes, path } = source;
  const { description } =
    path === null
      ? resolveDevice(source.asked, tableFolders(process.cwd()))
      : { description: null };
  const { batch, step, precision, command } = table;
  const known = PRECISIONS.find((each) => each === precision);
  return {
    head: headOf(open, source, importance),
    option,
    notes,
    latencies:
      description !== null && known !== undefined
        ? { kind: "predicted", description, batch, precision: known, step, command }
        : { kind: "table", table },
  };
}

/**
 * The graph without its large weights.
 * @throws InputError `pipeline/not-without-weights` where another structure would be found of it
 */
function graphOf(open: OpenNetwork): BareGraph {
  const { bind } = open.structure;
  const read = new Set<string>();
  const { graph } = readModel(open.path);
  findStructure(watched(graph, read), { bind });
  const bare = bareGraph(graph, (name) => read.has(name));
  const [found, wanted] = [findStructure(graphOfBare(bare), { bind }), open.structure].map((each) =>
    JSON.stringify(structureJson(each)),
  );
  if (found === wanted) return bare;
  throw new InputError({
    code: "pipeline/not-without-weights",
    message: `What can be pruned in '${open.name}' can't be told without its weights.`,
    where: open.path,
    hint: "Use mdp solve and mdp report for this network, and report it as a fault of mdp.",
  });
}

/** The graph with a list of the initializers whose numbers are read. */
function watched(graph: Graph, read: Set<string>): Graph {
  const initializers = new Map(
    [...graph.initializers].map(([name, tensor]) => {
      const bytes = (): Uint8Array => {
        read.add(name);
        return tensor.bytes();
      };
      return [name, { ...tensor, bytes }] as const;
    }),
  );
  return { ...graph, initializers };
}

function explorerSettings(settings: ExploreSettings): ExplorerSettings {
  const { limit, soft, penalty } = limitRequest(settings);
  const components = componentsOf(settings);
  return {
    ...{ budget: settings.budget, step: settings.step, multipleOf: settings.multipleOf },
    ...{ maxPrune: settings.maxPrune, protect: settings.protect },
    ...{ blocks: settings.blocks, layers: settings.layers, limit, soft, penalty },
    minimize: settings.minimize,
    component: [...components].map(([name, { source }]) => `${name}=${source}`),
    ...{ timeLimit: settings.timeLimit, gap: settings.gap },
  };
}

/** The words of `mdp solve` that the page's settings don't change. */
function commandOf(
  { model, importance, batch, precision }: ExploreSettings,
  { structure }: OpenNetwork,
): readonly string[] {
  return [
    ...["mdp", "solve"],
    ...(model === undefined ? [] : [model]),
    ...Object.entries(structure.bind).flatMap(([name, length]) => ["--bind", `${name}=${length}`]),
    ...(importance === undefined ? [] : ["--importance", importance]),
    ...(batch === undefined ? [] : ["--batch", String(batch)]),
    ...(precision === undefined ? [] : ["--precision", precision]),
  ];
}
