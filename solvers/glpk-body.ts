import type { GLPK, LP, Result } from "glpk.js/node";
import type { SolveRequest, WorkerPort, WorkerResult } from "./protocol.ts";

/**
 * What runs in the GLPK thread. It is passed there as text, so that nothing outside this function exists for it;
 * that is also why it is long.
 */
// biome-ignore lint/complexity/noExcessiveLinesPerFunction: its helpers must travel inside it.
export async function glpkBody(port: WorkerPort, packageUrl: string): Promise<void> {
  const module = (await port.load(packageUrl)) as { default: () => Promise<GLPK> };
  const glpk = await module.default();
  // GLPK counts whole seconds, in a 32-bit number of milliseconds.
  const LONGEST_SECONDS = 2_000_000;

  function bounds(lower: number, upper: number): { type: number; lb: number; ub: number } {
    const hasLower = Number.isFinite(lower);
    const hasUpper = Number.isFinite(upper);
    const lb = hasLower ? lower : 0;
    const ub = hasUpper ? upper : 0;
    if (hasLower && hasUpper) {
      return { type: lower === upper ? glpk.GLP_FX : glpk.GLP_DB, lb, ub };
    }
    if (hasLower) return { type: glpk.GLP_LO, lb, ub };
    return { type: hasUpper ? glpk.GLP_UP : glpk.GLP_FR, lb, ub };
  }

  function programOf({ model }: SolveRequest): LP {
    const columns = Array.from({ length: model.columnCount }, (_, column) => column);
    const rows = Array.from({ length: model.rowCount }, (_, row) => {
      const entries: { name: string; coef: number }[] = [];
      const end = model.rowStarts[row + 1] ?? 0;
      for (let at = model.rowStarts[row] ?? 0; at < end; at += 1) {
        entries.push({ name: `x${model.entryColumns[at]}`, coef: model.entryValues[at] ?? 0 });
      }
      const bnds = bounds(model.rowLower[row] ?? 0, model.rowUpper[row] ?? 0);
      return { name: `r${row}`, vars: entries, bnds };
    });
    return {
      name: "model",
      objective: {
        direction: model.sense === "maximize" ? glpk.GLP_MAX : glpk.GLP_MIN,
        name: "objective",
        // Every column is listed, so that each exists and keeps its place.
        vars: columns.map((column) => ({ name: `x${column}`, coef: model.objective[column] ?? 0 })),
      },
      // A row without entries was judged before the model came here.
      subjectTo: rows.filter(({ vars }) => vars.length > 0),
      bounds: columns.map((column) => ({
        name: `x${column}`,
        ...bounds(model.columnLower[column] ?? 0, model.columnUpper[column] ?? 0),
      })),
    };
  }

  function valuesOf({ result }: Result, count: number): Float64Array {
    return Float64Array.from({ length: count }, (_, column) => result.vars[`x${column}`] ?? 0);
  }

  function integerNames({ model }: SolveRequest): string[] {
    const names: string[] = [];
    model.integer.forEach((integer, column) => {
      if (integer === 1) names.push(`x${column}`);
    });
    return names;
  }

  function statusOf({ result }: Result): WorkerResult["status"] {
    if (result.status === glpk.GLP_OPT) return "optimal";
    if (result.status === glpk.GLP_UNBND) return "unbounded";
    const isInfeasible = result.status === glpk.GLP_NOFEAS || result.status === glpk.GLP_INFEAS;
    return isInfeasible ? "infeasible" : "stopped";
  }

  function solve(request: SolveRequest): WorkerResult {
    const { model } = request;
    const began = performance.now();
    const secondsLeft = (): number => request.timeLimitSeconds - (performance.now() - began) / 1000;
    const run = (lp: LP, presol: boolean): Result => {
      const tmlim = Math.max(1, Math.min(LONGEST_SECONDS, Math.ceil(secondsLeft())));
      const mipgap = request.relativeGap;
      return glpk.solve(lp, { msglev: glpk.GLP_MSG_OFF, presol, mipgap, tmlim });
    };
    const program = programOf(request);
    const generals = integerNames(request);
    const rest = { nodes: 0, lpIterations: 0, memoryBytes: 0 };

    // GLPK tells no bound of its own: the relaxation's optimum is one. Its presolver, which calls an infeasible
    // program undefined, stays off.
    const relaxed = run(program, false);
    const status = statusOf(relaxed);
    const bound = status === "optimal" ? relaxed.result.z + model.objectiveOffset : Number.NaN;
    port.say({ kind: "progress", nodes: 0, bound });
    if (status === "infeasible" || status === "unbounded" || generals.length === 0) {
      const values = status === "optimal" ? valuesOf(relaxed, model.columnCount) : null;
      return { ...rest, status, values, bound };
    }

    return { ...rest, ...resultOf(integerAnswer(), bound) };

    function integerAnswer(): Result {
      const lp = { ...program, generals };
      const found = run(lp, true);
      const isUndefined = found.result.status === glpk.GLP_UNDEF;
      return isUndefined && secondsLeft() > 0 ? run(lp, false) : found;
    }

    function resultOf(
      found: Result,
      relaxedBound: number,
    ): Pick<WorkerResult, "status" | "values" | "bound"> {
      const isUndefined = found.result.status === glpk.GLP_UNDEF;
      const values = isUndefined ? null : valuesOf(found, model.columnCount);
      // Without a gap its optimum is its bound.
      const isProven = request.relativeGap === 0 && statusOf(found) === "optimal";
      const proven = isProven ? found.result.z + model.objectiveOffset : relaxedBound;
      return { status: statusOf(found), values, bound: proven };
    }
  }

  port.onRequest((request) => {
    try {
      port.say({ kind: "done", result: solve(request) });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      port.say({ kind: "failed", message });
    }
  });
}
