import { relative } from "node:path";
import { EXIT, InternalError, UsageError } from "../core/errors.ts";
import { writeJson } from "../core/files.ts";
import { painter } from "../report/painter.ts";
import { type DimReport, type SolveReport, solveText } from "../report/solve-report.ts";
import { macCount, parameterCount } from "../structure/counts.ts";
import { unitCounts } from "../subnet/subnet.ts";
import { subnetJson } from "../subnet/subnet-file.ts";
import { type Command, command } from "./command.ts";
import { type OpenNetwork, openNetwork, regularExpression } from "./network.ts";
import { solveInstanceCommand } from "./solve-instance.ts";
import { type SolvedNetwork, type SolveNetworkOptions, solveNetwork } from "./solve-network.ts";
import { type TableSource, tableFor } from "./table-source.ts";

export const solveCommand: Command = command({
  name: "solve",
  describe: "Find the best subnet within a latency budget",
  examples: [
    ["mdp solve --device jetson", "the embedded default network at half its latency"],
    ["mdp solve --model net.onnx --device cpu --budget 12ms --out subnet.json", "your own network"],
    ["mdp solve --instance FILE.json", "a published instance of the program"],
  ],
  options: (yargs) =>
    yargs
      .option("model", { type: "string", describe: "ONNX file; the embedded default without it" })
      .option("importance", { type: "string", describe: "importance.json of mdp score" })
      .option("device", {
        type: "string",
        describe: "Device whose latencies count; see mdp devices",
      })
      .option("table", { type: "string", describe: "Latency table of mdp profile" })
      .option("batch", { type: "number", describe: "Images per run that the table is for" })
      .option("precision", {
        choices: ["float16", "float32"] as const,
        describe: "Of a predicted table",
      })
      .option("budget", {
        type: "string",
        default: "50%",
        describe: "50% of the dense latency, or 12ms",
      })
      .option("step", {
        type: "number",
        describe: "Kept channels: full width less multiples of this",
      })
      .option("multiple-of", {
        type: "number",
        describe: "Kept channels: multiples of this [the table's step]",
      })
      .option("protect", { type: "string", describe: "Regular expression of dims that stay whole" })
      .option("max-prune", {
        type: "number",
        default: 0.95,
        describe: "Most that may go of a dim, as a share",
      })
      .option("blocks", {
        type: "boolean",
        default: true,
        describe: "May blocks be dropped? (--no-blocks)",
      })
      .option("layers", {
        type: "boolean",
        default: true,
        describe: "May single layers be dropped? (--no-layers)",
      })
      .option("time-limit", {
        type: "number",
        describe: "Seconds; then the best answer so far, with its gap",
      })
      .option("gap", { type: "number", default: 0, describe: "Relative gap that is good enough" })
      .option("write-lp", { type: "string", describe: "Write the program as an LP file" })
      .option("out", { type: "string", describe: "Write the subnet to this file" })
      .option("instance", {
        type: "string",
        describe: "Solve a published instance instead of a network",
      })
      .conflicts("step", "multiple-of")
      .conflicts("device", "table")
      .conflicts("instance", ["model", "device", "table", "importance"]),
  run: async (options, context) => {
    if (options.instance !== undefined)
      return solveInstanceCommand(options.instance, options, context);
    const started = performance.now();
    const open = await openNetwork(options.model);
    const source = tableFor(open, {
      ...options,
      step: undefined,
      commandLine: context.commandLine,
    });
    const read = (performance.now() - started) / 1000;
    const wanted: SolveNetworkOptions = {
      budget: options.budget,
      step: options.step ?? options.multipleOf ?? source.table.step,
      countFrom: options.step === undefined ? "zero" : "full",
      maxPrune: options.maxPrune,
      protect: regularExpression(options.protect, "--protect"),
      blocks: options.blocks,
      layers: options.layers,
      importancePath: options.importance,
      timeLimitSeconds: positive(options.timeLimit, "--time-limit"),
      relativeGap: options.gap,
      writeLp: options.writeLp,
    };
    const solved = await solveNetwork(open, source, wanted, context);
    const total = (performance.now() - started) / 1000;
    const report = reportOf({ open, source, wanted, solved, read, total });
    if (options.out !== undefined) writeSubnet(options.out, open, solved, report);
    context.json(report);
    context.print(solveText(report, painter(process.stdout.isTTY)));
    if (options.out !== undefined) context.print(`\nSubnet written to ${options.out}`);
    return solved.answer.status === "optimal" || !context.signal.aborted
      ? EXIT.done
      : EXIT.interrupted;
  },
});

function positive(value: number | undefined, option: string): number | undefined {
  if (value === undefined || value > 0) return value;
  throw new UsageError({
    code: "cli/not-positive",
    message: `${option} is ${value}; it must be above zero.`,
    where: option,
    hint: `Leave ${option} out for no limit.`,
  });
}

export interface SolveParts {
  readonly open: OpenNetwork;
  readonly source: TableSource;
  readonly wanted: SolveNetworkOptions;
  readonly solved: SolvedNetwork;
  /** Seconds. */
  readonly read: number;
  readonly total: number;
}

/** The report of a solved network. */
export function reportOf(parts: SolveParts): SolveReport {
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
    network: { name: open.name, path: shown(open.path), embedded: open.embedded, hash: open.hash },
    device: { asked: source.asked, name: table.device.name, title: source.title },
    table: {
      origin: table.device.kind,
      path: source.path === null ? null : shown(source.path),
      runtime: `${table.runtime.name} ${table.runtime.version}`,
      precision: table.precision,
      batch: table.batch,
      threads: table.threads,
      date: table.date,
      expectedError: table.expectedError,
      shares: solved.prediction.shares,
    },
    importance: {
      method: solved.importance.used.method,
      normalisation: solved.importance.used.normalisation,
      path: solved.importance.path === null ? null : shown(solved.importance.path),
    },
    options: {
      budget: wanted.budget,
      step: wanted.step,
      maxPrune: wanted.maxPrune,
      protect: wanted.protect?.source ?? null,
      blocks: wanted.blocks,
      layers: wanted.layers,
    },
    latencyMs: solved.latencyMs,
    importanceKept: { dense: solved.denseObjective, chosen: answer.objective },
    parameters: { dense: parameterCount(structure), chosen: parameterCount(structure, kept) },
    macs: { dense: macCount(structure), chosen: macCount(structure, kept) },
    dims: dimReports(open, solved),
    droppedBlocks: subnet.droppedBlocks.map((index) => nameOf(structure.blocks, index)),
    droppedLayers: subnet.droppedLayers.map((index) => nameOf(structure.layers, index)),
    answer: {
      status: answer.status,
      objective: answer.objective,
      bound: answer.bound,
      gap: answer.gap,
      solver: answer.solver,
      nodes: answer.stats.nodes,
      notes: [...source.notes, ...table.notes, ...answer.notes],
    },
    seconds: { read: parts.read, ...solved.seconds, total: parts.total },
  };
}

function dimReports(open: OpenNetwork, solved: SolvedNetwork): DimReport[] {
  const counts = unitCounts(solved.subnet);
  return open.structure.dims.map((dim) => ({
    name: dim.name,
    total: dim.size * dim.unitChannels,
    kept: (counts[dim.index] ?? 0) * dim.unitChannels,
    dropped: (solved.answer.selection.options[dim.index] ?? -1) < 0,
    whole: solved.network.choices[dim.index]?.whole ?? null,
  }));
}

/** Writes the subnet with where it came from. */
export function writeSubnet(
  path: string,
  open: OpenNetwork,
  solved: SolvedNetwork,
  report: SolveReport,
): void {
  const { dims: _, seconds: __, schema: ___, ...provenance } = report;
  writeJson(
    path,
    subnetJson(open.structure, solved.subnet, { networkHash: open.hash, solve: provenance }),
  );
}

function nameOf(list: readonly { readonly name: string }[], index: number): string {
  const found = list[index];
  if (found === undefined) {
    throw new InternalError({ code: "cli/unknown-part", message: `There is no part ${index}.` });
  }
  return found.name;
}

/** A path as the user would write it: relative where it lies below the current folder. */
function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") ? path : short;
}
