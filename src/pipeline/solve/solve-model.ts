import { checkWritable } from "../../core/files.ts";
import type { SolveReport } from "../../documents/solve.ts";
import type { Method } from "../../formulation/baselines/method.ts";
import type { Precision } from "../../latency/predict/device.ts";
import { type OpenNetwork, openNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import { tableFor } from "../tables/table-source.ts";
import type { SolvedNetwork } from "./asked-network.ts";
import { methodFor, solveNetworkBy } from "./solve-method.ts";
import { checkSolveOptions, type GivenSettings, solveNetworkOptions } from "./solve-settings.ts";
import { reportOf, writeSubnet } from "./solved-report.ts";
import { withWarmSolvers } from "./solvers.ts";

/** What is solved, and how. */
export interface SolveModelSettings extends GivenSettings {
  /** ONNX file; the embedded default without it. */
  readonly model?: string | undefined;
  /** Device whose latencies count; or `table`. */
  readonly device?: string | undefined;
  /** File of a latency table. */
  readonly table?: string | undefined;
  /** Of a predicted table. */
  readonly precision?: Precision | undefined;
  /** `mdp`, or one that it is compared with. */
  readonly method: string;
  /** File for the subnet. */
  readonly out?: string | undefined;
  /** File for the program in LP format. */
  readonly writeLp?: string | undefined;
}

export interface SolvedModel {
  readonly open: OpenNetwork;
  readonly solved: SolvedNetwork;
  readonly report: SolveReport;
}

/**
 * The best subnet of a network within its budget and limits, checked by the tables.
 * @throws UsageError, InputError as `checkSolveOptions`, `openNetwork` and `tableFor`; InfeasibleLimitsError; LimitError
 */
export async function solveModel(
  settings: SolveModelSettings,
  context: RunContext,
): Promise<SolvedModel> {
  await checkSolveOptions(settings);
  const { out, writeLp } = settings;
  for (const path of [out, writeLp]) if (path !== undefined) checkWritable(path);
  const method = methodFor(settings.method, writeLp);
  // These two solve no program.
  const isSimple = method.name === "uniform" || method.name === "global-threshold";
  if (isSimple) return solveRead(settings, method, context);
  return withWarmSolvers(context, (warm) => solveRead(settings, method, warm));
}

async function solveRead(
  settings: SolveModelSettings,
  method: Method,
  context: RunContext,
): Promise<SolvedModel> {
  const { out, writeLp } = settings;
  const started = performance.now();
  const open = await openNetwork(settings.model, context);
  const source = tableFor(open, { ...settings, commandLine: context.commandLine });
  const read = (performance.now() - started) / 1000;
  const wanted = { ...solveNetworkOptions(settings, source.table.step), writeLp };
  const solved = await solveNetworkBy(method, open, source, wanted, context);
  const total = (performance.now() - started) / 1000;
  const report = reportOf({ open, source, wanted, solved, read, total });
  if (out !== undefined) writeSubnet(out, open, solved, report);
  return { open, solved, report };
}
