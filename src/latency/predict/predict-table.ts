import { batchOf } from "../../structure/batch.ts";
import { denseUnits, evaluateCount } from "../../structure/counts.ts";
import type { AxisCount, Structure } from "../../structure/structure.ts";
import { structureHash } from "../../structure/structure-json.ts";
import { type ProfiledOp, profiledOps } from "../ops.ts";
import type { LatencyOp, LatencyTable } from "../table.ts";
import { cellInterval, normalQuantile } from "../uncertainty.ts";
import type { DeviceDescription, DeviceUncertainty, Precision } from "./device.ts";
import { formatsOf } from "./formats.ts";
import { fusedInputs } from "./fusion.ts";
import { SUPPRESSION, suppressionPlugin } from "./plugins.ts";
import { predictionNotes } from "./prediction-notes.ts";
import { type Work, workTimer } from "./roofline.ts";
import { familyOfOp, type WorkAt, workOf } from "./work.ts";

export interface PredictOptions {
  /** Images per run. */
  readonly batch: number;
  readonly precision: Precision;
  /** Width of the grid in channels; every multiple is a cell of its own, what lies between is interpolated. */
  readonly step: number;
  /** What to call the network in the table; the graph's own name by default. */
  readonly networkName?: string;
  /** The command line that asked for the table. */
  readonly command?: string;
}

/** Cells of one operation's table; a finer grid would cost more memory than it tells. */
const MOST_CELLS = 65_536;

/** Level of the intervals in predicted tables. */
const LEVEL = 0.9;

/**
 * What is assumed of a single time where a device says nothing: about what convolutions on a V100 and layers on a Jetson
 * TX1 show (`npm run bench:predict`).
 */
export const USUAL_OWN: DeviceUncertainty["own"] = {
  contraction: 0.35,
  depthwise: 0.4,
  memory: 0.4,
  fused: 0.5,
};

/**
 * What a device says of its errors at a batch and number format, or what follows from its expected error on whole networks.
 */
export function uncertaintyOfDevice(
  device: DeviceDescription,
  { batch, precision }: Pick<PredictOptions, "batch" | "precision">,
): DeviceUncertainty {
  const stated = device.uncertainty ?? unstated(device);
  const { common, extrapolation = 0, how } = stated;
  if (extrapolation === 0 || (batch === 1 && precision === "float16")) return stated;
  return {
    ...stated,
    common: Math.hypot(common, extrapolation),
    how: `${how}; ${(100 * extrapolation).toFixed(0)} % on top of the common error, because nearly all that the constants were fitted to is at batch 1 in float16`,
  };
}

function unstated({ expectedError }: DeviceDescription): DeviceUncertainty {
  return {
    // The mean absolute deviation of a normal distribution is 0.8 of its standard deviation.
    common: Math.log1p(expectedError.mean) / Math.sqrt(2 / Math.PI),
    own: USUAL_OWN,
    how: `common: ${expectedError.how}; own: as single operations elsewhere`,
  };
}

/**
 * A latency table without a measurement: a roofline with tiles and waves (`predict-roofline.ts`) over the whole grid.
 * Every cell has origin "p" and an interval, and the table carries the device's expected error. Convolutions take along the
 * normalisation, activation and addition behind them, as TensorRT fuses them.
 */
export function predictTable(
  structure: Structure,
  device: DeviceDescription,
  options: PredictOptions,
): LatencyTable {
  const { batch, precision, step } = options;
  const inputShape = structure.shapes.of(structure.graph.inputs[0]?.name ?? "") ?? [];
  const works = networkWorks(structure, options);
  const { own, common, how } = uncertaintyOfDevice(device, options);
  const shares = {
    contraction: cellInterval(1, own.contraction, LEVEL),
    depthwise: cellInterval(1, own.depthwise, LEVEL),
    memory: cellInterval(1, own.memory, LEVEL),
    fused: cellInterval(1, own.fused, LEVEL),
  };
  const ops = works.flatMap(
    (work) => predictOp(structure, device, work, { ...options, shares }) ?? [],
  );
  const dense = ops.reduce((sum, op) => sum + (op.ms.at(-1) ?? 0), device.model.callMs);
  return {
    schema: "mdp-latency-table/2",
    device: {
      name: device.name,
      kind: "predicted",
      model: device.title,
      cores: device.hardware.cudaCores,
      power: null,
    },
    runtime: { name: "TensorRT", version: "predicted, not run" },
    precision,
    batch,
    threads: null,
    optimisation: null,
    date: device.date,
    command: options.command ?? "",
    repeats: null,
    runs: null,
    step,
    spread: null,
    network: {
      name: options.networkName ?? structure.graph.name,
      structureHash: structureHash(structure),
      inputShape: batchOf(structure).hasAxis ? [batch, ...inputShape.slice(1)] : [...inputShape],
    },
    denseMs: dense,
    scale: 1,
    fixedMs: device.model.callMs,
    expectedError: { ...device.expectedError },
    interval: {
      level: LEVEL,
      common: Math.expm1(normalQuantile((1 + LEVEL) / 2) * common),
      how,
    },
    notes: predictionNotes(structure, device, { ...options, works, ops, mostCells: MOST_CELLS }),
    ops,
  };
}

const BYTES = { float16: 2, float32: 4, int8: 1 } as const satisfies Record<Precision, number>;

/** An operation of a network with its work. */
export interface OpWork {
  readonly op: ProfiledOp;
  readonly workAt: WorkAt;
  /** Family of its kernel at all channels (`Work`). */
  readonly family: string | undefined;
  /** The number format that it is run in: a quantised network names the operations that run in int8. */
  readonly precision: Precision;
}

/** What each operation of a network does, as the runtime fuses them. */
export function networkWorks(
  structure: Structure,
  { batch, precision }: Pick<PredictOptions, "batch" | "precision">,
): OpWork[] {
  const batchRatio = batch / batchOf(structure).images;
  const profiled = profiledOps(structure);
  const fused = fusedInputs(structure, profiled);
  const plugin = suppressionPlugin(structure, profiled);
  const formats = formatsOf(structure, precision);
  return profiled.map((op): OpWork => {
    if (plugin?.inside.has(op)) return { op, workAt: () => null, family: undefined, precision };
    if (plugin?.head === op) {
      const work = suppressionWork(structure, plugin.reads, batchRatio);
      return { op, workAt: () => work, family: work.family, precision };
    }
    const own = formats(op);
    const fusedInput = fused.get(op) ?? null;
    const workAt = workOf(op, {
      ...{ structure, batchRatio, fusedInput },
      bytesPerElement: BYTES[own],
    });
    return { op, workAt, family: familyOfOp(op, structure.graph), precision: own };
  });
}

/** Reads all numbers of these values, in float32. */
export function suppressionWork(
  { shapes }: Structure,
  values: readonly string[],
  batchRatio: number,
): Work {
  const elements = values.reduce((sum, name) => {
    return sum + (shapes.of(name) ?? []).reduce((product, extent) => product * extent, batchRatio);
  }, 0);
  return { kind: "memory", bytes: 4 * elements, family: SUPPRESSION };
}

/** The next cell, whose last axis moves first. */
function advance(at: number[], here: number[], counts: readonly (readonly number[])[]): void {
  for (let axis = counts.length - 1; axis >= 0; axis -= 1) {
    const next = (at[axis] ?? 0) + 1;
    const isOver = next >= (counts[axis]?.length ?? 0);
    at[axis] = isOver ? 0 : next;
    here[axis] = counts[axis]?.[at[axis] ?? 0] ?? 0;
    if (!isOver) return;
  }
}

type Shares = Readonly<
  Record<keyof DeviceUncertainty["own"], { readonly lowMs: number; readonly highMs: number }>
>;

function predictOp(
  structure: Structure,
  device: DeviceDescription,
  { op, workAt, precision }: OpWork,
  options: PredictOptions & { readonly shares: Shares },
): LatencyOp | null {
  const { step, shares } = options;
  const counts = gridOf(structure, op.axes, step);
  const cells = counts.reduce((product, axis) => product * axis.length, 1);
  const [ms, lowMs, highMs] = [[] as number[], [] as number[], [] as number[]];
  const time = workTimer(device, precision);
  const at = counts.map(() => 0);
  const here = counts.map(([least = 0]) => least);
  for (let cell = 0; cell < cells; cell += 1) {
    const done = workAt(here);
    if (done === null) return null;
    const whole = time(done);
    // Intervals of a kind of work are in proportion to the time.
    const share = shares[done.kind];
    ms.push(whole);
    lowMs.push(whole * share.lowMs);
    highMs.push(whole * share.highMs);
    advance(at, here, counts);
  }
  if (ms.every((time) => time === 0)) return null;
  return {
    id: op.id,
    label: op.label,
    kind: op.kind,
    axes: op.axes.map(({ fixed, parts }) => ({ fixed, parts: parts.map((part) => ({ ...part })) })),
    counts,
    ms,
    lowMs,
    highMs,
    origin: "p".repeat(cells),
  };
}

/** Channels covered per axis: the fewest possible, multiples of the step, all. */
function gridOf(structure: Structure, axes: readonly AxisCount[], step: number): number[][] {
  const fewest = structure.dims.map((dim) => (dim.isUnread ? 0 : 1));
  for (let width = step; ; width *= 2) {
    const counts = axes.map((axis) => {
      const least = evaluateCount(axis, fewest);
      const most = evaluateCount(axis, denseUnits(structure));
      return multiplesBetween(least, most, width);
    });
    if (counts.reduce((product, axis) => product * axis.length, 1) <= MOST_CELLS) return counts;
  }
}

function multiplesBetween(least: number, most: number, step: number): number[] {
  const counts = [least];
  for (let count = step * Math.ceil((least + 1) / step); count < most; count += step) {
    counts.push(count);
  }
  if (most > least) counts.push(most);
  return counts;
}
