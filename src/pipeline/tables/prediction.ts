import { at } from "../../core/at.ts";
import type { PredictReport } from "../../documents/predict.ts";
import type { DeviceDescription } from "../../latency/predict/device.ts";
import type { FittedDevice, Observation } from "../../latency/predict/fit-device.ts";
import type { LearntDevice } from "../../latency/predict/observations.ts";
import { stairsOf } from "../../latency/predict/stairs.ts";
import { predictNetwork } from "../../latency/predict-network.ts";
import type { LatencyTable } from "../../latency/table.ts";
import { intervalMs, uncertaintyOf } from "../../latency/uncertainty.ts";
import { keepAll } from "../../subnet/subnet.ts";
import type { OpenNetwork } from "../open/network.ts";

/** What a device was fitted to. */
export interface Fitted {
  readonly fit: FittedDevice;
  readonly surprise: LearntDevice["surprise"];
  readonly observations: readonly Observation[];
}

/** What a predicted table says of the whole network. */
export function predictionReport(
  open: OpenNetwork,
  table: LatencyTable,
  device: DeviceDescription,
  fitted: Fitted | null,
): PredictReport {
  const { structure } = open;
  const level = table.interval?.level ?? 0.9;
  const uncertainty = uncertaintyOf(table);
  const common = uncertainty?.common ?? 0;
  const variances = uncertainty?.variances ?? { ...table, ops: [] };
  const whole = keepAll(structure);
  const { ms } = predictNetwork(table, structure, whole);
  const variance = uncertainty === null ? 0 : predictNetwork(variances, structure, whole).ms;
  const { lowMs, highMs } = intervalMs({ ms, variance, common }, level);
  return {
    schema: "mdp-predict/1",
    network: { name: open.name, path: open.embedded ? "embedded default" : open.path },
    device: { name: device.name, title: device.title },
    batch: table.batch,
    precision: table.precision,
    latencyMs: { predicted: ms, level, low: lowMs, high: highMs },
    deviation: { common, own: Math.sqrt(variance) / ms },
    how: uncertainty?.how ?? "",
    kinds: kindsOf(table, variances, common, level),
    callMs: table.fixedMs,
    stairs: stairsIn(table),
    ...(fitted === null ? {} : { fit: fitOf(fitted) }),
    notes: table.notes,
  };
}

function kindsOf(
  table: LatencyTable,
  variances: LatencyTable,
  common: number,
  level: number,
): PredictReport["kinds"] {
  const sums = new Map<string, { operations: number; ms: number; variance: number }>();
  for (const [index, op] of table.ops.entries()) {
    const sum = sums.get(op.kind) ?? { operations: 0, ms: 0, variance: 0 };
    sums.set(op.kind, {
      operations: sum.operations + 1,
      ms: sum.ms + (op.ms.at(-1) ?? 0),
      variance: sum.variance + (variances.ops[index]?.ms.at(-1) ?? 0),
    });
  }
  return [...sums]
    .map(([kind, { operations, ms, variance }]) => ({
      ...{ kind, operations, ms },
      ...intervalMs({ ms, variance, common }, level),
    }))
    .sort((a, b) => b.ms - a.ms);
}

/** Stairs, those first whose largest jump costs most: its share of the operation's time. */
function stairsIn({ ops }: LatencyTable): PredictReport["stairs"] {
  return ops
    .flatMap((op) =>
      stairsOf(op).map(({ axis, ...stair }) => ({
        op: op.label,
        axis: op.axes.length > 1 && axis === 0 ? "read" : "written",
        ...stair,
        costMs: stair.largest * at(op.ms, op.ms.length - 1),
      })),
    )
    .sort((a, b) => b.costMs - a.costMs);
}

function fitOf({ fit, surprise, observations }: Fitted): NonNullable<PredictReport["fit"]> {
  return {
    observations: observations.map(({ name, ms }, index) => ({
      ...{ name, ms },
      error: Math.expm1(fit.residuals[index] ?? 0),
    })),
    constants: fit.constants,
    scatter: fit.scatter,
    surprise,
  };
}
