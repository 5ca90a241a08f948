/**
 * The library behind the command line. The road: read a network, find its structure, score its units, get a latency table,
 * put the program together, solve it, cut the network and prove the cut.
 *
 * @example
 * const model = readModel("net.onnx");
 * const structure = findStructure(model.graph);
 * const importance = scoreNetwork(structure, { method: "magnitude-l2" });
 * const table = readTable("table.json");
 * const dense = predictNetwork(table, structure, keepAll(structure));
 * const network = networkProblem(structure, importance, table, {
 *   budgetMs: dense.ms / 2,
 *   step: table.step,
 *   countFrom: "zero",
 *   maxPrune: 0.95,
 *   protect: null,
 *   blocks: true,
 *   layers: true,
 * });
 * const highs = createHighs();
 * const limits = { start: startingSelection, timeLimitSeconds: 60 };
 * const answer = await solveProblem(network.problem, [highs], limits);
 * await highs.close();
 * const subnet = selectedSubnet(network, answer.selection);
 * await proveSubnet(model, structure, subnet);
 * writeModel(withGraph(model, cutGraph(structure, subnet)), "smaller.onnx");
 *
 * GLPK, whose licence is GPL-3.0, stands behind an entry point of its own: `mdp/solvers/glpk`.
 */
export { createHighs } from "../solvers/highs.ts";
export { convDictionary } from "./authors/conv-dictionary.ts";
export { dictionaryTable } from "./authors/dictionary-table.ts";
export { readPickle } from "./authors/pickle.ts";
export type { PickleValue } from "./authors/pickle-values.ts";
export { solverInputs } from "./authors/solver-inputs.ts";
export * from "./core/errors.ts";
export { type Progress, SILENT } from "./core/progress.ts";
export { type Random, randomFrom } from "./core/random.ts";
export {
  METHOD_NAMES,
  type Method,
  type MethodAnswer,
  parseMethod,
} from "./formulation/baselines/method.ts";
export { runMethod } from "./formulation/baselines/run-method.ts";
export { instanceWrittenAxes, networkWrittenAxes } from "./formulation/baselines/written-axes.ts";
export { explainConflict } from "./formulation/explain/conflict.ts";
export { type ExplainOptions, explain } from "./formulation/explain/explain.ts";
export type * from "./formulation/explain/explanation.ts";
export { type AppliedLimit, applyLimits } from "./formulation/limits/apply.ts";
export { type MeasuredSubnet, measuredSubnet } from "./formulation/limits/measure.ts";
export type { LimitSources } from "./formulation/limits/quantities.ts";
export {
  type LimitRequest,
  type ParsedRequest,
  parseRequest,
} from "./formulation/limits/request.ts";
export { type SettledLimit, settleLimits } from "./formulation/limits/settled.ts";
export { requestedWidths, widthRules } from "./formulation/limits/width-rules.ts";
export type { ChoiceOptions } from "./formulation/network/choices.ts";
export { latencyBudget } from "./formulation/network/latency-budget.ts";
export {
  type NetworkOptions,
  type NetworkProblem,
  networkProblem,
} from "./formulation/network/network-problem.ts";
export { selectedSubnet } from "./formulation/network/selected-subnet.ts";
export { checkSelection, evaluate } from "./formulation/problem/evaluate.ts";
export { type Instance, parseInstance, readInstance } from "./formulation/problem/instance.ts";
export type * from "./formulation/problem/problem.ts";
export type { RobustBudget } from "./formulation/robust/region.ts";
export type { VarianceTable } from "./formulation/robust/robust-problem.ts";
export { type RobustAnswer, solveRobust } from "./formulation/robust/solve-robust.ts";
export type { Answer, SolveProblemOptions } from "./formulation/solve/answer.ts";
export { InfeasibleLimitsError } from "./formulation/solve/answer.ts";
export { solveProblem } from "./formulation/solve/solve-problem.ts";
export { startingSelection } from "./formulation/solve/start.ts";
export { type ChainOptions, sweepChain } from "./formulation/sweep/chain.ts";
export type { FrontierPoint, PointOutcome } from "./formulation/sweep/frontier.ts";
export { type ChainRunner, sweepLimits } from "./formulation/sweep/sweep-limits.ts";
export { convolutionBlock } from "./gradients/block-size.ts";
export { blockedConvolutions } from "./gradients/blocked.ts";
export {
  checkDifferentiable,
  type Differentiated,
  differentiate,
  type GradientRequest,
} from "./gradients/differentiate.ts";
export {
  crossEntropy,
  distillation,
  type Lossy,
  logitsOf,
  meanSquare,
  softCrossEntropy,
  weightedSum,
} from "./gradients/losses.ts";
export { parametersAsInputs, trainableParameters } from "./gradients/parameters.ts";
export { staticGraph } from "./gradients/static-graph.ts";
export {
  type BatchStatistics,
  type TrainingMode,
  trainingMode,
} from "./gradients/training-mode.ts";
export type { Attribute, Graph, Node, Tensor, Value } from "./graph/graph.ts";
export { type DataScoreOptions, scoreWithData } from "./importance/data/score-data.ts";
export {
  checkImportance,
  IMPORTANCE_METHODS,
  type Importance,
  parseImportance,
} from "./importance/importance.ts";
export { type ScoreOptions, scoreNetwork } from "./importance/score.ts";
export {
  type Calibrated,
  type CalibrateOptions,
  type CalibrationTry,
  calibrateTable,
  type Solution,
} from "./latency/calibrate/calibrate.ts";
export { correctTable } from "./latency/calibrate/correct-table.ts";
export type { CellPrediction, KnownCell, OpCell, OpCellModel } from "./latency/cells/cell.ts";
export { fitOpCells } from "./latency/cells/fit-op-cells.ts";
export { listDevices, resolveDevice, tablesFor } from "./latency/devices.ts";
export { withColumn } from "./latency/energy/add-columns.ts";
export { parseTegrastats, readingOf, type TegraState } from "./latency/energy/tegrastats.ts";
export { latencyMs } from "./latency/lookup.ts";
export { type DeviceDescription, readDevice } from "./latency/predict/device.ts";
export { type FittedDevice, fitDevice, type Observation } from "./latency/predict/fit-device.ts";
export {
  type PredictOptions,
  predictTable,
} from "./latency/predict/predict-table.ts";
export { predictNetwork } from "./latency/predict-network.ts";
export { boardFindings } from "./latency/remote/probe/advice.ts";
export {
  type BoardAccess,
  type BoardProfile,
  examineBoard,
  profileBoard,
} from "./latency/remote/profile-board.ts";
export { parseHost } from "./latency/remote/ssh/host.ts";
export {
  type LatencyTable,
  parseTable,
  readTable,
  writeTable,
  writeTableBySize,
} from "./latency/table.ts";
export { diffTables, type TableDiff } from "./latency/tables/diff.ts";
export { type Merged, mergeTables } from "./latency/tables/merge.ts";
export { readTableCsv, tableCsv } from "./latency/tables/table-csv.ts";
export {
  intervalMs,
  quantileMs,
  type UncertainTime,
  type Uncertainty,
  uncertaintyOf,
} from "./latency/uncertainty.ts";
export type { Model as LinearProgram } from "./mip/model.ts";
export type { Outcome, Solver } from "./mip/solver.ts";
export { type Model, withGraph } from "./onnx/model.ts";
export { parseModel, readModel } from "./onnx/read.ts";
export { writeModel } from "./onnx/write.ts";
export {
  type ImportedWeights,
  type ImportOptions,
  importWeights,
} from "./pytorch/import/import-weights.ts";
export { moduleTensors } from "./pytorch/module/module-tensors.ts";
export type {
  ModuleOptions,
  ModuleParameter,
  ModuleTensor,
  PyTorchModule,
} from "./pytorch/module/module-text.ts";
export { writeModule as writePyTorchModule } from "./pytorch/module/write-module.ts";
export { type Project, readProject } from "./pytorch/project/project-file.ts";
export { type ProjectSource, writeProject } from "./pytorch/project/write-project.ts";
export { readSafetensors, type Safetensors } from "./pytorch/safetensors/read.ts";
export { writeSafetensors } from "./pytorch/safetensors/write.ts";
export { macCount, parameterCount } from "./structure/counts.ts";
export { findStructure } from "./structure/find-structure.ts";
export type { Block, Dim, Layer, Structure } from "./structure/structure.ts";
export { structureHash } from "./structure/structure-json.ts";
export { compareSubnets, type SubnetDifference } from "./subnet/compare-subnets.ts";
export {
  CORRECTION_METHODS,
  type Correction,
  type CorrectionMethod,
  type CorrectOptions,
  correctSubnet,
} from "./subnet/correct/correct.ts";
export { cutGraph } from "./subnet/cut.ts";
export { type Proof, proveSubnet } from "./subnet/prove.ts";
export { keepAll, type Subnet } from "./subnet/subnet.ts";
export { parseSubnet, parseSubnetFile, type SubnetFile, subnetJson } from "./subnet/subnet-file.ts";
export type { TrainingBatch, TrainingData, Validation } from "./training/batches.ts";
export { chooseNorms } from "./training/choose-norms.ts";
export { randomWeights } from "./training/initialise.ts";
export type { EpochMetrics } from "./training/metrics.ts";
export type { OptimiserSpec } from "./training/optimisers.ts";
export {
  checkRecipe,
  DEFAULT_RECIPE,
  DISTILLATION,
  type LossSpec,
  type Recipe,
} from "./training/recipe.ts";
export type { ScheduleSpec } from "./training/schedules.ts";
export { applyMask, keptWeights } from "./training/soft-mask.ts";
export { type TrainingJob, type TrainingResult, train } from "./training/train.ts";
