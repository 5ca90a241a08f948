import type { CallbackData, Highs, Model as HighsModel, InitOptions, ModelData } from "highs";
import type { SolveRequest, WorkerPort, WorkerResult } from "./protocol.ts";

/**
 * What runs in the HiGHS thread. It is passed there as text, so that nothing outside this function exists for it;
 * that is also why it is long.
 */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: its helpers must travel inside it.
export async function highsBody(port: WorkerPort, packageUrl: string): Promise<void> {
  // Status codes of the HiGHS C API.
  const OPTIMAL = 7;
  const INFEASIBLE = 8;
  const UNBOUNDED_OR_INFEASIBLE = 9;
  const UNBOUNDED = 10;
  const EMPTY = 6;
  // Objective bound, target, time, iteration and solution limits, unknown, interrupted.
  const STOPPED = [11, 12, 13, 14, 15, 16, 17];
  const PROGRESS_SECONDS = 0.2;
  // In HiGHS 1.15.1 this rule of its presolve makes one small program in thousands "optimal" at a point that isn't.
  const PROBING = 2 ** 15;
  // What looks for better points takes most of the time of a small solve, effort 0 or not; a restart presolves again.
  const PROOF_ONLY = {
    mip_heuristic_effort: 0,
    mip_heuristic_run_feasibility_jump: false,
    mip_heuristic_run_rins: false,
    mip_heuristic_run_rens: false,
    mip_heuristic_run_root_reduced_cost: false,
    mip_heuristic_run_zi_round: false,
    mip_heuristic_run_shifting: false,
    mip_allow_restart: false,
  };

  // The package types itself as CommonJS, whose default export is the loader.
  const module = (await port.load(packageUrl)) as {
    default: (options?: InitOptions) => Promise<Highs>;
  };
  const highs = await module.default();

  function dataOf({ model }: SolveRequest): ModelData {
    const { maximize, minimize } = highs.constants.objectiveSense;
    return {
      numCols: model.columnCount,
      numRows: model.rowCount,
      sense: model.sense === "maximize" ? maximize : minimize,
      offset: model.objectiveOffset,
      colCost: model.objective,
      colLower: model.columnLower,
      colUpper: model.columnUpper,
      rowLower: model.rowLower,
      rowUpper: model.rowUpper,
      matrix: {
        format: "csr",
        numRows: model.rowCount,
        numCols: model.columnCount,
        starts: model.rowStarts,
        indices: model.entryColumns,
        values: model.entryValues,
      },
      integrality: Int32Array.from(model.integer),
    };
  }

  function prepare(model: HighsModel, request: SolveRequest): void {
    model.options.set({
      output_flag: false,
      mip_rel_gap: request.relativeGap,
      mip_abs_gap: request.absoluteGap,
      random_seed: 0,
      mip_feasibility_tolerance: 1e-9,
      presolve_rule_off: PROBING,
    });
    if (request.startIsBest) model.options.set(PROOF_ONLY);
    if (Number.isFinite(request.timeLimitSeconds)) {
      model.options.set("time_limit", request.timeLimitSeconds);
    }
    if (request.startColumns !== null && request.startValues !== null) {
      model.setSolution({ indices: request.startColumns, values: request.startValues });
    }
  }

  function run(model: HighsModel, request: SolveRequest): number {
    let told = 0;
    const tell = (data: CallbackData): void => {
      const now = data.running_time ?? 0;
      if (now - told < PROGRESS_SECONDS) return;
      told = now;
      const nodes = Number(data.mip_node_count ?? 0);
      port.say({ kind: "progress", nodes, bound: data.mip_dual_bound ?? Number.NaN });
    };
    const mustStop = (): boolean => Atomics.load(request.stop, 0) === 1;
    const channel = highs.constants.callbackType;
    const { modelStatus } = model.run({
      [channel.simplexInterrupt](event) {
        if (mustStop()) event.interrupt();
        return undefined;
      },
      [channel.mipInterrupt](event) {
        tell(event.data);
        if (mustStop()) event.interrupt();
        return undefined;
      },
      [channel.mipImprovingSolution](event) {
        const { mip_solution: values, objective_function_value: objective } = event.data;
        if (values !== undefined)
          port.say({ kind: "incumbent", objective: objective ?? 0, values });
        return undefined;
      },
    });
    return modelStatus;
  }

  function statusOf(code: number): WorkerResult["status"] {
    if (code === OPTIMAL || code === EMPTY) return "optimal";
    if (code === INFEASIBLE) return "infeasible";
    if (code === UNBOUNDED) return "unbounded";
    if (STOPPED.includes(code)) return "stopped";
    throw new Error(`HiGHS ended with status ${code}`);
  }

  function resultOf(model: HighsModel, request: SolveRequest, code: number): WorkerResult {
    const status = statusOf(code);
    const number = (name: string): number => Number(model.info.get(name));
    const isMip = request.model.integer.includes(1);
    const hasPoint = number("primal_solution_status") === highs.constants.solutionStatus.feasible;
    const values = code === EMPTY ? new Float64Array(0) : model.getSolution().colValue;
    return {
      status,
      values: hasPoint || code === EMPTY ? values : null,
      bound: isMip && code !== EMPTY ? number("mip_dual_bound") : Number.NaN,
      nodes: isMip ? Math.max(0, number("mip_node_count")) : 0,
      lpIterations: Math.max(0, number("simplex_iteration_count")),
      memoryBytes: highs.memoryBytes,
    };
  }

  port.onRequest((request) => {
    try {
      const model = highs.createModel(dataOf(request));
      try {
        prepare(model, request);
        let code = run(model, request);
        if (code === UNBOUNDED_OR_INFEASIBLE) {
          // Presolve can't tell the two apart; the simplex method can.
          model.options.set("presolve", "off");
          code = run(model, request);
        }
        port.say({ kind: "done", result: resultOf(model, request, code) });
      } finally {
        model.dispose();
      }
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      port.say({ kind: "failed", message });
    }
  });
}
