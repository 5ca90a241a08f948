/**
 * What was measured on a device, so that its predictions can be fitted to it: a few whole networks, or a latency table of a
 * sibling of the network.
 *
 *     { "schema": "mdp-observations/1",
 *       "observations": [
 *         { "network": "resnet18.onnx", "batch": 1, "precision": "float16", "ms": 11.4 },
 *         { "network": "resnet56.onnx", "table": "resnet56-on-my-board.json" } ] }
 */
import { dirname, resolve } from "node:path";
import { z } from "zod";
import { InputError } from "../../core/errors.ts";
import { readJson } from "../../core/files.ts";
import { firstIssues } from "../../core/schema.ts";
import { isPublished } from "../../networks/published/published.ts";
import { quantile } from "../../runtime/timing.ts";
import { batchOf } from "../../structure/batch.ts";
import { denseUnits, evaluateCount } from "../../structure/counts.ts";
import type { Structure } from "../../structure/structure.ts";
import { structureHash } from "../../structure/structure-json.ts";
import { countsAt } from "../lookup.ts";
import type { LatencyOp, LatencyTable } from "../table.ts";
import type { DeviceDescription, DeviceUncertainty, Precision } from "./device.ts";
import { PRECISIONS } from "./device.ts";
import {
  type FittedDevice,
  fitDevice,
  type Observation,
  observedMs,
  openBefore,
  SHAPE_DEVIATION,
} from "./fit-device.ts";
import {
  networkWorks,
  type OpWork,
  suppressionWork,
  uncertaintyOfDevice,
} from "./predict-table.ts";
import { kernelsOf, type Work } from "./roofline.ts";

/** `nms`: suppression of overlapping boxes, inside the engine. */
export const INCLUDED = ["nms"] as const;

const RUN = z.strictObject({
  /** A file, or `published:name@side`. */
  network: z.string(),
  /** Classes of a published network. */
  classes: z.number().int().positive().optional(),
  /** Images per run. */
  batch: z.number().int().positive(),
  precision: z.enum(PRECISIONS),
  /** Milliseconds of a run. */
  ms: z.number().positive(),
  /** The board, by its name in `mdp devices`, and its power mode there; for people and for fits to several boards. */
  board: z.string().optional(),
  powerMode: z.string().optional(),
  /** What the time includes beyond the network's own operations. */
  includes: z.array(z.enum(INCLUDED)).optional(),
  /** Versions of the runtime. */
  software: z.string().optional(),
  /** Where the figure was published. */
  source: z.string().optional(),
});
const TABLE = z.strictObject({ network: z.string(), table: z.string() });
export const OBSERVATIONS = z.object({
  schema: z.literal("mdp-observations/1"),
  title: z.string().optional(),
  source: z.string().optional(),
  notes: z.string().optional(),
  observations: z.array(z.union([RUN, TABLE])).min(1),
});

/** One entry of an observations file, with whole paths. */
export type ObservedRun = z.infer<typeof RUN> | z.infer<typeof TABLE>;

/** @throws InputError `core/read-failed`, `core/not-json`, `latency/bad-observations` */
export function readObservations(path: string): readonly ObservedRun[] {
  const parsed = OBSERVATIONS.safeParse(readJson(path));
  if (!parsed.success) {
    throw new InputError({
      code: "latency/bad-observations",
      message: `These are no observations: ${firstIssues(parsed.error)}`,
      where: path,
      hint: 'Write { "schema": "mdp-observations/1", "observations": [{ "network": "net.onnx", "batch": 1, "precision": "float16", "ms": 11.4 }] }.',
    });
  }
  const whole = (file: string): string => (isPublished(file) ? file : resolve(dirname(path), file));
  return parsed.data.observations.map((one) => ({
    ...one,
    network: whole(one.network),
    ...("table" in one ? { table: whole(one.table) } : {}),
  }));
}

/** A whole network's run. */
export function runObservation(
  structure: Structure,
  { network, batch, precision, ms, includes = [] }: z.infer<typeof RUN>,
): Observation {
  const works = networkWorks(structure, { batch, precision }).flatMap(({ op, workAt }) =>
    kernelsAt(workAt, denseCounts(structure, op.axes)),
  );
  const outputs = structure.graph.outputs.map((value) => value.name);
  const ratio = batch / batchOf(structure).images;
  const after = includes.map(() => suppressionWork(structure, outputs, ratio));
  return { name: network, works: [...works, ...after], precision, ms, isCall: true };
}

/** Cells per operation that are looked at: the shapes differ enough, and a hundred say little more. */
const CELLS = 6;

/**
 * A few cells of each of a measured table's operations.
 * @throws InputError `latency/other-table` where the table is predicted, or is of another network or number format
 */
export function tableObservations(
  structure: Structure,
  table: LatencyTable,
  where: string,
): Observation[] {
  const precision = PRECISIONS.find((name) => name === table.precision);
  const isOther = table.network.structureHash !== structureHash(structure);
  if (precision === undefined || isOther || table.device.kind === "predicted") {
    throw new InputError({
      code: "latency/other-table",
      message: `The table can't be learnt from: it is ${isOther ? `of another network, '${table.network.name}'` : table.device.kind === "predicted" ? "a prediction itself" : `in ${table.precision}`}.`,
      where,
      hint: "Name a measured table in float32 or float16 with the network that it was measured for.",
    });
  }
  const works = new Map<string, OpWork>(
    networkWorks(structure, { batch: table.batch, precision }).map((one) => [one.op.id, one]),
  );
  return table.ops.flatMap((op) => {
    const found = works.get(op.id);
    return found === undefined ? [] : cellsOf(op, found, precision);
  });
}

function cellsOf(op: LatencyOp, { workAt }: OpWork, precision: Precision): Observation[] {
  const stride = Math.max(1, (op.ms.length - 1) / (CELLS - 1));
  const cells = new Set(
    Array.from({ length: Math.min(CELLS, op.ms.length) }, (_, at) => Math.round(at * stride)),
  );
  return [...cells].flatMap((cell): Observation[] => {
    const works = kernelsAt(workAt, countsAt(cell, op.counts));
    const ms = op.ms[cell] ?? 0;
    if (works.length === 0 || ms <= 0) return [];
    return [{ name: op.label, works, precision, ms, isCall: false }];
  });
}

function kernelsAt(workAt: OpWork["workAt"], counts: readonly number[]): readonly Work[] {
  const work = workAt(counts);
  return work === null ? [] : kernelsOf(work);
}

function denseCounts(structure: Structure, axes: OpWork["op"]["axes"]): number[] {
  const units = denseUnits(structure);
  return axes.map((axis) => evaluateCount(axis, units));
}

/** A device whose constants were fitted, with what that leaves open for a network. */
export interface LearntDevice {
  readonly device: DeviceDescription;
  readonly fit: FittedDevice;
  /**
   * How much longer the observations take in the middle than the device said before, where that is far beyond the common
   * error (deviation of the logarithm) that it states; null otherwise.
   */
  readonly surprise: { readonly factor: number; readonly stated: number } | null;
}

/** Deviations that observations may be off together before somebody should look why. */
const SURPRISING = 2.5;

/** What whole networks are off by beyond the constants: as Xavier's and Nano's ResNets are, predicted from each other. */
const NETWORK_DEVIATION = 0.05;

/** The middle of ln measured - ln predicted, before anything is fitted. */
function commonOffset(device: DeviceDescription, observations: readonly Observation[]): number {
  const { hardware, model } = device;
  const logs = observations.map((one) => Math.log(one.ms / observedMs(hardware, model, one)));
  return logs.length === 0 ? 0 : quantile(logs, 0.5);
}

/** How far the constants' priors are narrowed: as far as the device's stated error, or what was observed, allows. */
export function trustIn(
  device: DeviceDescription,
  observations: readonly Observation[],
  call: Omit<Observation, "ms" | "name">,
  stated: number,
): number {
  const offset = Math.abs(commonOffset(device, observations));
  return Math.min(1, Math.max(stated, offset) / openBefore(device, call));
}

/** The device fitted to observations, for predictions of a network. */
export function learnDevice(
  device: DeviceDescription,
  observations: readonly Observation[],
  target: { readonly structure: Structure; readonly batch: number; readonly precision: Precision },
): LearntDevice {
  const { structure, batch, precision } = target;
  const works = networkWorks(structure, { batch, precision }).flatMap(({ op, workAt }): Work[] => {
    return [...kernelsAt(workAt, denseCounts(structure, op.axes))];
  });
  const call = { works, precision, isCall: true };
  // Before anything is observed, predictions are to be as sure as the device says of itself; but no surer than what was
  // observed bears out: another power mode, or figures that were wrong, must not be outvoted by a narrow prior.
  const stated = uncertaintyOfDevice(device, target).common;
  const offset = commonOffset(device, observations);
  const trust = trustIn(device, observations, call, stated);
  const fit = fitDevice(device, observations, works, trust);
  const open = fit.openDeviation(call);
  const count = `${observations.length} observation${observations.length === 1 ? "" : "s"}`;
  const own = Math.hypot(fit.scatter, SHAPE_DEVIATION);
  const uncertainty: DeviceUncertainty = {
    common: Math.hypot(open, NETWORK_DEVIATION),
    own: { contraction: own, depthwise: own, memory: own, fused: own },
    how: `${count}, matched within ${(100 * fit.scatter).toFixed(0)} %; what they leave open of this network ${(100 * open).toFixed(0)} %`,
  };
  const errors = fit.residuals.map((residual) => Math.abs(Math.expm1(residual)));
  return {
    fit,
    surprise: Math.abs(offset) > SURPRISING * stated ? { factor: Math.exp(offset), stated } : null,
    device: {
      ...device,
      model: fit.model,
      uncertainty,
      expectedError: {
        mean: Math.expm1(uncertainty.common * Math.sqrt(2 / Math.PI)),
        worst: Math.max(...errors),
        networks: observations.length,
        how: `constants fitted to ${count}; mean as the fit leaves it open, worst over the observations`,
      },
      fit: {
        ...device.fit,
        fitted: fit.constants.map(({ name }) => name),
        how: `constants fitted to ${count}, starting from: ${device.fit.how}`,
      },
    },
  };
}

/**
 * Deviation of the logarithm of networks that a board has not run: figure J5 of docs/results/jetson.md, where a board that nothing was known of
 * was corrected by one run of YOLOX-S (mean 7.7 %).
 */
const CORRECTED_DEVIATION = 0.1;

/**
 * A device of another name, whose constants were narrowed by what was measured: Bayes' rule with the stated error as the prior.
 * @param observations at least one; runs of whole networks, or cells
 */
export function correctDevice(
  device: DeviceDescription,
  observations: readonly Observation[],
  name: string,
): DeviceDescription {
  const [first] = observations;
  const stated = uncertaintyOfDevice(device, { batch: 1, precision: "float16" });
  const trust = first === undefined ? 1 : trustIn(device, observations, first, stated.common);
  const fit = fitDevice(device, observations, [], trust);
  const open = first === undefined ? 0 : fit.openDeviation(first);
  const isAsDescribed = Math.abs(commonOffset(device, observations)) <= SURPRISING * stated.common;
  const corrected = Math.hypot(open, CORRECTED_DEVIATION);
  // A run that agrees with the description takes nothing from it.
  const common = isAsDescribed ? Math.min(stated.common, corrected) : corrected;
  const count = `${observations.length} observation${observations.length === 1 ? "" : "s"} of this board`;
  const how = `constants of ${device.name} narrowed by ${count}, met within ${(100 * fit.scatter).toFixed(0)} %`;
  return {
    ...device,
    name,
    model: fit.model,
    uncertainty: { ...stated, common, how },
    expectedError: {
      mean: Math.expm1(common * Math.sqrt(2 / Math.PI)),
      worst: Math.max(Math.expm1(2 * common), ...fit.residuals.map((r) => Math.abs(Math.expm1(r)))),
      networks: observations.length,
      how: `${how}; not checked on networks of this board`,
    },
    errors: [],
    fit: {
      ...device.fit,
      how: `${how}; before: ${device.fit.how}`,
      figures: observations.map(({ name: network, ms }, at) => ({
        network,
        publishedMs: ms,
        predictedMs: ms * Math.exp(fit.residuals[at] ?? 0),
        error: Math.expm1(fit.residuals[at] ?? 0),
      })),
      leaveOneOut: [],
      heldOut: [],
    },
  };
}
