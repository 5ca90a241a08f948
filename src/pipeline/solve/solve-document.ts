import { InternalError } from "../../core/errors.ts";
import { finiteOrNull } from "../../documents/finite.ts";
import type { DimReport, SolveHead, SolveReport } from "../../documents/solve.ts";
import type { LimitRequest } from "../../formulation/limits/request.ts";
import type { LatencyTable } from "../../latency/table.ts";
import { macCount, parameterCount } from "../../structure/counts.ts";
import { missesStep } from "../../structure/dim-step.ts";
import { weightLabel } from "../../subnet/sparse/weights.ts";
import { unitCounts } from "../../subnet/subnet.ts";
import { subnetJson } from "../../subnet/subnet-file.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { TableSource } from "../tables/table-source.ts";
import type { SolvedNetwork, SolveNetworkOptions } from "./asked-network.ts";
import { riskyCuts } from "./risky-cuts.ts";

/** What a report of a solved network is made from. */
export interface DocumentParts {
  readonly open: Pick<OpenNetwork, "structure">;
  readonly source: Pick<TableSource, "table" | "notes">;
  readonly wanted: SolveNetworkOptions;
  readonly solved: SolvedNetwork;
  /** Seconds. */
  readonly read: number;
  readonly total: number;
}

/** The report of a solved network under its head. Reads no file. */
export function solveDocument(head: SolveHead, parts: DocumentParts): SolveReport {
  const { open, source, wanted, solved } = parts;
  const { table } = source;
  const { answer, subnet } = solved;
  const kept = {
    units: unitCounts(subnet),
    droppedBlocks: subnet.droppedBlocks,
    droppedLayers: subnet.droppedLayers,
  };
  const { structure } = open;
  return {
    schema: "mdp-solve/1",
    ...head,
    table: { ...head.table, shares: solved.prediction.shares },
    options: {
      budget: wanted.budget,
      step: wanted.step,
      countFrom: wanted.countFrom,
      maxPrune: wanted.maxPrune,
      protect: wanted.protect?.text ?? null,
      blocks: wanted.blocks,
      layers: wanted.layers,
      ...writtenLimits(wanted),
      ...(wanted.robust === undefined ? {} : { robust: wanted.robust }),
      ...(wanted.damagesPath === undefined ? {} : { damages: wanted.damagesPath }),
    },
    latencyMs: {
      ...solved.latencyMs,
      budget: finiteOrNull(solved.latencyMs.budget),
    },
    ...(solved.robust === undefined ? {} : { robust: solved.robust }),
    ...(solved.densities === undefined
      ? {}
      : { zeros: zerosOf(solved, solved.answer.objective - solved.importanceKept.chosen) }),
    limits: solved.limits,
    minimised: solved.minimised,
    importanceKept: solved.importanceKept,
    parameters: { dense: parameterCount(structure), chosen: parameterCount(structure, kept) },
    macs: { dense: macCount(structure), chosen: macCount(structure, kept) },
    dims: dimReports(open, solved),
    droppedBlocks: subnet.droppedBlocks.map((index) => nameOf(structure.blocks, index)),
    droppedLayers: subnet.droppedLayers.map((index) => nameOf(structure.layers, index)),
    answer: {
      status: answer.status,
      // What is minimised is the program's objective with its sign turned.
      objective: solved.minimised === null ? answer.objective : -answer.objective,
      bound: finiteOrNull(solved.minimised === null ? answer.bound : -answer.bound),
      gap: finiteOrNull(answer.gap),
      solver: answer.solver,
      nodes: answer.stats.nodes,
      notes: [
        ...source.notes,
        ...table.notes,
        ...memoryNotes(solved, table),
        ...stepNotes(open, wanted),
        ...answer.notes,
        ...riskyCuts(structure, subnet),
      ],
    },
    seconds: { read: parts.read, ...solved.seconds, total: parts.total },
  };
}

/** The densities that were chosen beside the units. */
function zerosOf(
  { network, densities }: SolvedNetwork,
  gain: number,
): NonNullable<SolveReport["zeros"]> {
  const layers = (network.sparsity?.dims ?? []).map(({ weight }) => ({
    label: weightLabel(weight),
    density: densities?.get(weight.name) ?? null,
  }));
  return { layers, damage: -gain };
}

function writtenLimits({
  limits,
  components,
}: SolveNetworkOptions): Pick<SolveReport["options"], "limits"> {
  if (limits === undefined || isEmpty(limits)) return {};
  const named = [...(components ?? [])].map(([name, { source }]) => [name, source]);
  return { limits: { ...limits, components: Object.fromEntries(named) } };
}

function isEmpty({ limit, soft, minimize }: LimitRequest): boolean {
  return limit.length + soft.length === 0 && minimize === null;
}

/** Where groups of channels fit no multiple of the step. */
function stepNotes(
  { structure }: DocumentParts["open"],
  { step, countFrom }: SolveNetworkOptions,
): string[] {
  const missed = structure.dims.filter(
    (dim) => dim.pinned === null && dim.size > 1 && missesStep(dim, step, countFrom),
  );
  if (missed.length === 0) return [];
  const named = missed
    .slice(0, 5)
    .map(({ name, size, unitChannels }) => `${name} (${size} of ${unitChannels})`);
  const more = missed.length > 5 ? ` and ${missed.length - 5} more` : "";
  return [
    `No number of groups gives a multiple of ${step} channels in ${named.join(", ")}${more}: any number of them may stay.`,
  ];
}

/** What a limit on memory assumes. */
function memoryNotes({ limits, minimised }: SolvedNetwork, table: LatencyTable): string[] {
  const texts = [...limits.map(({ text }) => text), minimised?.text ?? ""];
  if (!texts.some((text) => /\bmemory\b/.test(text))) return [];
  return [
    `Peak memory counts the activations of a batch of ${table.batch} in ${table.precision}, one operation after the other, element-wise operations in place; weights and a runtime's work space come on top.`,
  ];
}

function dimReports(open: DocumentParts["open"], solved: SolvedNetwork): DimReport[] {
  const counts = unitCounts(solved.subnet);
  return open.structure.dims.map((dim) => ({
    name: dim.name,
    total: dim.size * dim.unitChannels,
    kept: (counts[dim.index] ?? 0) * dim.unitChannels,
    dropped: counts[dim.index] === 0 && !dim.isUnread,
    whole: solved.network.choices[dim.index]?.whole ?? null,
  }));
}

/** The subnet as a file, with where it came from; nothing in it depends on the time that solving took, so that equal inputs give equal bytes. */
export function subnetDocument(
  { name, structure, hash }: Pick<OpenNetwork, "name" | "structure" | "hash">,
  solved: SolvedNetwork,
  report: SolveReport,
): Record<string, unknown> {
  const { dims: _, seconds: __, schema: ___, ...rest } = report;
  const { nodes: ____, notes, ...answer } = rest.answer;
  const ofSolving = new Set(solved.answer.notes);
  const lasting = notes.filter((note) => !ofSolving.has(note));
  const provenance = { ...rest, answer: { ...answer, notes: lasting } };
  return subnetJson(structure, solved.subnet, {
    network: name,
    networkHash: hash,
    ...(solved.densities === undefined ? {} : { densities: Object.fromEntries(solved.densities) }),
    solve: provenance,
  });
}

function nameOf(list: readonly { readonly name: string }[], index: number): string {
  const found = list[index];
  if (found === undefined) {
    throw new InternalError({ code: "cli/unknown-part", message: `There is no part ${index}.` });
  }
  return found.name;
}
