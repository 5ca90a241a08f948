import { UsageError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";
import type { Model } from "../../onnx/model.ts";
import { type MachineLoad, watchMachine } from "../../runtime/machine-load.ts";
import type { Optimisation } from "../../runtime/session.ts";
import type { Structure } from "../../structure/structure.ts";
import { structureHash } from "../../structure/structure-json.ts";
import { withSampledColumns } from "../energy/add-columns.ts";
import { buildTable, type TableHead } from "../fit/build-table.ts";
import { usualPace } from "../fit/calibrate.ts";
import { type ProfiledOp, profiledOps } from "../ops.ts";
import type { RunSample } from "../run-sample.ts";
import { type LatencyTable, writeTable, writeTableBySize } from "../table.ts";
import { type AdaptiveRuns, type CurvePoint, profileAdaptively } from "./adaptive.ts";
import { ownCellShare } from "./coverage.ts";
import { localMeasurer, localTarget } from "./local-measurer.ts";
import type { Measurer, ProfileTarget } from "./measurer.ts";
import { gridOf, leastOf } from "./plan.ts";
import { type ProfileOptions, profileNetworks } from "./profile.ts";
import { openSamples, type SampleConfig, type SampleFile } from "./samples.ts";
import { type Validation, validateTable, withExpectedError } from "./validate.ts";

/** How to measure a network, on this machine unless a measurer and its target are given. */
export interface LocalProfile {
  readonly networkName: string;
  readonly deviceName: string;
  readonly batch: number;
  readonly threads: number;
  readonly precision: string;
  readonly optimisation: Optimisation;
  /** Width of the grid in channels. */
  readonly step: number;
  /** Networks to measure, and counted runs of each. */
  readonly runs: number;
  readonly repeats: number;
  readonly maxMinutes: number;
  /** Measure until the mean error is at most this share, `runs` networks at most; unset, measure `runs` random ones. */
  readonly targetError?: number | undefined;
  readonly seed: number;
  /** Networks to judge the table on; 0: none. */
  readonly validate: number;
  readonly tablePath: string;
  /** Write a large table under the path with `.gz` behind it. */
  readonly compress?: boolean;
  readonly samplesPath: string;
  readonly command: string;
  readonly progress: Progress;
  readonly signal?: AbortSignal;
  readonly now?: () => number;
  readonly date?: () => string;
  /** Runs the subnets; onnxruntime on this machine unless given. */
  readonly measurer?: Measurer;
  /** Where the measurer runs them; this machine unless given. */
  readonly target?: ProfileTarget;
}

export interface ProfileResult {
  readonly table: LatencyTable;
  /** Where it was written. */
  readonly tablePath: string;
  readonly validation: Validation | null;
  /** Error against number of runs, and whether the target was reached; empty and null where there was no target. */
  readonly curve: readonly CurvePoint[];
  readonly reached: boolean | null;
  /** Share of the cells whose very operation ran at these counts; see `ownCellShare`. */
  readonly ownCells: number;
  /** Networks that the samples file already held. */
  readonly resumed: number;
  readonly seconds: number;
  /** What else the machine did; null where another one was measured. */
  readonly load: MachineLoad | null;
}

/** Validation draws its subnets from another sequence than measuring. */
const VALIDATION_SEED = 0x5eed;

/**
 * Measures a network, writes its table, and judges it on networks that were left out.
 * @throws UsageError `latency/precision`; InputError `latency/other-samples`; InterruptedError `latency/interrupted`
 */
export async function profileLocal(
  model: Model,
  structure: Structure,
  options: LocalProfile,
): Promise<ProfileResult> {
  const target = options.target ?? localTarget();
  checkPrecision(options.precision, target);
  const now = options.now ?? ((): number => performance.now());
  const date = options.date ?? ((): string => new Date().toISOString());
  const started = now();
  const watched = watchMachine();
  const ops = profiledOps(structure);
  const grid = gridOf(structure, options.step);
  const file = openSamples(
    options.samplesPath,
    configOf(structure, options, target),
    ops.map((op) => op.id),
  );
  const resumed = file.samples.length;
  const measurer =
    options.measurer ??
    (await localMeasurer(model, structure, ops, {
      ...options,
      ...noiseOf(options),
      thin: leastOf(structure, grid),
    }));
  try {
    const common = { ...options, grid };
    const { samples, curve, reached } = await takeSamples(structure, ops, measurer, file, {
      ...common,
      now,
      date,
      startedAt: started,
    });
    const head = headOf(structure, options, target, samples);
    const table = withCurve(
      withSampledColumns(buildTable(ops, samples, grid, head), structure, samples, target.settings),
      curve,
    );
    const write = (made: LatencyTable): string => {
      if (options.compress === true) return writeTableBySize(options.tablePath, made);
      writeTable(options.tablePath, made);
      return options.tablePath;
    };
    let tablePath = write(table);
    const validation =
      options.validate > 0
        ? await validateTable(table, structure, measurer, {
            ...common,
            count: options.validate,
            seed: options.seed + VALIDATION_SEED,
            used: new Set(samples.map((sample) => sample.key)),
            usual: usualPace(samples),
            isOver: () => now() - started > options.maxMinutes * 60_000,
          })
        : null;
    const judged = validation === null ? table : withExpectedError(table, validation);
    if (validation !== null) tablePath = write(judged);
    const seconds = (now() - started) / 1000;
    const ownCells = ownCellShare(judged, ops, samples);
    // A board is not this machine.
    const load = options.measurer === undefined ? watched() : null;
    return {
      table: judged,
      tablePath,
      validation,
      curve,
      reached,
      ownCells,
      resumed,
      seconds,
      load,
    };
  } finally {
    await measurer.close();
  }
}

/** Of a table's mean error, the share that may come from the noise of measuring a network. */
const NOISE_SHARE = 0.6;

function noiseOf({ targetError }: LocalProfile): { readonly noise?: number } {
  return targetError === undefined ? {} : { noise: NOISE_SHARE * targetError };
}

/** Random networks up to a number, or up to an error. */
async function takeSamples(
  structure: Structure,
  ops: readonly ProfiledOp[],
  measurer: Measurer,
  file: SampleFile,
  options: ProfileOptions & Pick<LocalProfile, "targetError">,
): Promise<Omit<AdaptiveRuns, "reached"> & { readonly reached: boolean | null }> {
  const { targetError } = options;
  if (targetError !== undefined) {
    return profileAdaptively(structure, measurer, file, { ...options, ops, targetError });
  }
  const samples = await profileNetworks(structure, measurer, file, options);
  return { samples, curve: [], reached: null };
}

/** Until it is judged on networks left out, a table is as good as what it was made from was before the last round. */
function withCurve(table: LatencyTable, curve: readonly CurvePoint[]): LatencyTable {
  const last = curve.at(-1);
  if (last === undefined) return table;
  return {
    ...table,
    expectedError: {
      mean: last.meanError,
      worst: last.worstError,
      networks: last.networks,
      how: "random subnets that were predicted before they were measured; the table was then made from them too",
    },
  };
}

function checkPrecision(precision: string, { runtime, precisions }: ProfileTarget): void {
  if (precisions.includes(precision)) return;
  throw new UsageError({
    code: "latency/precision",
    message: `Precision ${precision} can't be measured with ${runtime.name} ${runtime.version}.`,
    where: "--precision",
    hint: `Measure with --precision ${precisions.join(" or ")}.`,
  });
}

function configOf(
  structure: Structure,
  options: LocalProfile,
  { device, runtime, settings }: ProfileTarget,
): SampleConfig {
  const { batch, threads, precision, optimisation, step, repeats } = options;
  return {
    structure: structureHash(structure).slice(0, 16),
    device: device.model,
    runtime: `${runtime.name} ${runtime.version}`,
    batch,
    threads,
    precision,
    optimisation,
    step,
    repeats,
    ...settings,
  };
}

function headOf(
  structure: Structure,
  options: LocalProfile,
  target: ProfileTarget,
  samples: readonly RunSample[],
): TableHead {
  const { model, cores, power } = target.device;
  const { batch, threads, precision, optimisation, step, repeats, command } = options;
  const input = structure.graph.inputs[0]?.name ?? "";
  const inputShape = [...(structure.shapes.of(input) ?? [])];
  return {
    device: { name: options.deviceName, kind: "measured", model, cores, power },
    runtime: target.runtime,
    precision,
    batch,
    threads,
    optimisation,
    // When it was measured: building the same samples into a table again gives the same bytes.
    date: samples.at(-1)?.date ?? "",
    command,
    repeats,
    step,
    network: {
      name: options.networkName,
      structureHash: structureHash(structure),
      inputShape: [batch, ...inputShape.slice(1)],
    },
  };
}
