/// <reference types="node" preserve="true" />
/** The program, its limits, methods that it is compared with, and solvers. Part of the library below its front door: names may change in a minor version. */
export { createHighs } from "../../solvers/highs.ts";
export { readInstance } from "../authors/read-instance.ts";
export {
  METHOD_NAMES,
  type Method,
  type MethodAnswer,
  parseMethod,
} from "../formulation/baselines/method.ts";
export { runMethod } from "../formulation/baselines/run-method.ts";
export { instanceWrittenAxes, networkWrittenAxes } from "../formulation/baselines/written-axes.ts";
export { explainConflict } from "../formulation/explain/conflict.ts";
export { type ExplainOptions, explain } from "../formulation/explain/explain.ts";
export type * from "../formulation/explain/explanation.ts";
export { type AppliedLimit, applyLimits } from "../formulation/limits/apply.ts";
export { type MeasuredSubnet, measuredSubnet } from "../formulation/limits/measure.ts";
export type { LimitSources } from "../formulation/limits/quantities.ts";
export {
  type LimitRequest,
  type ParsedRequest,
  parseRequest,
} from "../formulation/limits/request.ts";
export { type SettledLimit, settleLimits } from "../formulation/limits/settled.ts";
export { requestedWidths, widthRules } from "../formulation/limits/width-rules.ts";
export type { ChoiceOptions } from "../formulation/network/choices.ts";
export { latencyBudget } from "../formulation/network/latency-budget.ts";
export {
  type NetworkOptions,
  type NetworkProblem,
  networkProblem,
} from "../formulation/network/network-problem.ts";
export { selectedSubnet } from "../formulation/network/selected-subnet.ts";
export { checkSelection, evaluate } from "../formulation/problem/evaluate.ts";
export { type Instance, parseInstance } from "../formulation/problem/instance.ts";
export type * from "../formulation/problem/problem.ts";
export type { RobustBudget } from "../formulation/robust/region.ts";
export type { VarianceTable } from "../formulation/robust/robust-problem.ts";
export { type RobustAnswer, solveRobust } from "../formulation/robust/solve-robust.ts";
export type { Answer, SolveProblemOptions } from "../formulation/solve/answer.ts";
export { InfeasibleLimitsError } from "../formulation/solve/answer.ts";
export { solveProblem } from "../formulation/solve/solve-problem.ts";
export { startingSelection } from "../formulation/solve/start.ts";
export { type ChainOptions, sweepChain } from "../formulation/sweep/chain.ts";
export type { FrontierPoint, PointOutcome } from "../formulation/sweep/frontier.ts";
export { type ChainRunner, sweepLimits } from "../formulation/sweep/sweep-limits.ts";
export type { Model as LinearProgram } from "../mip/model.ts";
export type { Outcome, Solver } from "../mip/solver.ts";
