/// <reference types="node" preserve="true" />
/** Latency tables: devices, prediction, calibration, boards over ssh. Part of the library below its front door: names may change in a minor version. */
export {
  type Calibrated,
  type CalibrateOptions,
  type CalibrationTry,
  calibrateTable,
  type Solution,
} from "../latency/calibrate/calibrate.ts";
export { correctTable } from "../latency/calibrate/correct-table.ts";
export type { CellPrediction, KnownCell, OpCell, OpCellModel } from "../latency/cells/cell.ts";
export { fitOpCells } from "../latency/cells/fit-op-cells.ts";
export { listDevices, resolveDevice, tablesFor } from "../latency/devices.ts";
export { withColumn } from "../latency/energy/add-columns.ts";
export { parseTegrastats, readingOf, type TegraState } from "../latency/energy/tegrastats.ts";
export { latencyMs } from "../latency/lookup.ts";
export { type DeviceDescription, readDevice } from "../latency/predict/device.ts";
export { type FittedDevice, fitDevice, type Observation } from "../latency/predict/fit-device.ts";
export {
  type PredictOptions,
  predictTable,
} from "../latency/predict/predict-table.ts";
export { predictNetwork } from "../latency/predict-network.ts";
export { boardFindings } from "../latency/remote/probe/advice.ts";
export {
  type BoardAccess,
  type BoardProfile,
  examineBoard,
  profileBoard,
} from "../latency/remote/profile-board.ts";
export { parseHost } from "../latency/remote/ssh/host.ts";
export {
  type LatencyTable,
  parseTable,
  readTable,
  writeTable,
  writeTableBySize,
} from "../latency/table.ts";
export { diffTables, type TableDiff } from "../latency/tables/diff.ts";
export { type Merged, mergeTables } from "../latency/tables/merge.ts";
export { readTableCsv, tableCsv } from "../latency/tables/table-csv.ts";
export {
  intervalMs,
  quantileMs,
  type UncertainTime,
  type Uncertainty,
  uncertaintyOf,
} from "../latency/uncertainty.ts";
