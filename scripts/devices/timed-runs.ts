/**
 * Times the same runs again and again while constants change, as a fit does: equal kernels of a board once, tiles once, and a
 * change of launches or of families' factors without timing any kernel, as a run's time is linear in them.
 */
import type { DeviceHardware, DeviceModel, Precision } from "../../src/latency/predict/device.ts";
import {
  bodyMs,
  factorOf,
  launchesOf,
  launchMsOf,
  stepMsOf,
  type TileLoad,
  tileLoads,
  type Work,
} from "../../src/latency/predict/roofline.ts";
import { BOARDS } from "./hardware.ts";
import type { Seen } from "./observed.ts";

/** A board's hardware in a power mode. */
export function hardwareOf(board: string, powerMode: string | null): DeviceHardware {
  const found = BOARDS.find(({ name }) => name === board);
  if (found === undefined) throw new Error(`no board ${board}`);
  const mode = powerMode === null ? undefined : found.powerModes[powerMode];
  if (powerMode !== null && mode === undefined) throw new Error(`${board}: no mode ${powerMode}`);
  return { ...found.hardware, ...mode?.hardware };
}

/** Runs on one board in one mode and format. */
interface Group {
  readonly board: string;
  readonly hardware: DeviceHardware;
  readonly precision: Precision;
  /** Where its runs stand among all. */
  readonly at: number[];
  readonly runs: Seen[];
}

/** By run of a group and kind of kernel (`kinds`), row by row, milliseconds without launches and factors. */
interface Bodies {
  readonly key: string;
  readonly sums: Float64Array;
}

const KEPT = 3;

/** Milliseconds of each run, in order, with the model of each board. */
export function timedRuns(
  runs: readonly Seen[],
): (modelOf: (board: string) => DeviceModel) => number[] {
  const groups = new Map<string, Group>();
  for (const [at, run] of runs.entries()) {
    const { board, powerMode, precision } = run;
    const key = `${board}/${powerMode}/${precision}`;
    const hardware = hardwareOf(board, powerMode);
    const group = groups.get(key) ?? { board, hardware, precision, at: [], runs: [] };
    groups.set(key, group);
    group.at.push(at);
    group.runs.push(run);
  }
  const timers = [...groups.values()].map((group) => ({ group, time: timerOf(group) }));
  return (modelOf) => {
    const times = runs.map(() => 0);
    for (const { group, time } of timers) {
      for (const [index, ms] of time(modelOf(group.board)).entries()) {
        times[group.at[index] ?? 0] = ms;
      }
    }
    return times;
  };
}

function timerOf({ hardware, precision, runs }: Group): (model: DeviceModel) => number[] {
  const { kinds, works, entries } = laidOut(runs);
  const { row, slot, kind, times } = entries;
  const width = kinds.length;
  const sumOf = (body: (slot: number) => number): Float64Array => {
    const sums = new Float64Array(runs.length * width);
    for (let at = 0; at < row.length; at += 1) {
      const place = (row[at] ?? 0) * width + (kind[at] ?? 0);
      sums[place] = (sums[place] ?? 0) + (times[at] ?? 0) * body(slot[at] ?? 0);
    }
    return sums;
  };
  const counts = sumOf(() => 1);
  let known: readonly Bodies[] = [];
  let cut: null | {
    readonly key: string;
    readonly loads: readonly (readonly TileLoad[] | undefined)[];
  } = null;
  const bodiesOf = (model: DeviceModel): Float64Array => {
    const { launchUs, launchCycles, launches, families, callMs, ...others } = model;
    const key = JSON.stringify(others);
    const found = known.find((one) => one.key === key);
    if (found !== undefined) return found.sums;
    const device = { hardware, model };
    if (cut?.key !== cutOf(device)) cut = { key: cutOf(device), loads: works.map(loadsOf(device)) };
    const bodies = new Float64Array(works.length);
    for (const [at, work] of works.entries()) {
      const loads = cut.loads[at] ?? [];
      bodies[at] = bodyMs(device, precision, work, (one) =>
        stepMsOf(device, precision, one, loads),
      );
    }
    const sums = sumOf((at) => bodies[at] ?? 0);
    known = [...known.slice(1 - KEPT), { key, sums }];
    return sums;
  };
  return (model) => {
    const launchMs = launchMsOf({ hardware, model });
    const sums = bodiesOf(model);
    const launches = Float64Array.from(kinds, (one) => launchMs * launchesOf(model, one));
    const factors = Float64Array.from(kinds, (one) => factorOf(model, one));
    return runs.map(({ isCall }, at) => {
      let ms = isCall ? model.callMs : 0;
      for (let kind = 0; kind < width; kind += 1) {
        const place = at * width + kind;
        ms +=
          (launches[kind] ?? 0) * (counts[place] ?? 0) + (factors[kind] ?? 0) * (sums[place] ?? 0);
      }
      return ms;
    });
  };
}

/** Different kernels once each, and which run has which how often. */
function laidOut(runs: readonly Seen[]): {
  /** One kernel of each kind: what has its launches and its factor in common. */
  readonly kinds: readonly Work[];
  readonly works: readonly Work[];
  readonly entries: Readonly<Record<"row" | "slot" | "kind" | "times", Int32Array>>;
} {
  const kinds: Work[] = [];
  const kindOf = new Map<string, number>();
  const slots = new Map<Work, { readonly at: number; readonly kind: number }>();
  const rows = runs.flatMap(({ works }, row) =>
    [...counted(works)].map(([work, times]) => {
      const name = `${work.kind}/${work.family}`;
      const kind = kindOf.get(name) ?? kinds.push(work) - 1;
      kindOf.set(name, kind);
      const slot = slots.get(work) ?? { at: slots.size, kind };
      slots.set(work, slot);
      return { row, slot: slot.at, kind, times };
    }),
  );
  const column = (name: "row" | "slot" | "kind" | "times"): Int32Array =>
    Int32Array.from(rows, (entry) => entry[name]);
  return {
    ...{ kinds, works: [...slots.keys()] },
    entries: {
      ...{ row: column("row"), slot: column("slot") },
      ...{ kind: column("kind"), times: column("times") },
    },
  };
}

function counted(works: readonly Work[]): Map<Work, number> {
  const counts = new Map<Work, number>();
  for (const work of works) counts.set(work, (counts.get(work) ?? 0) + 1);
  return counts;
}

const LOADS = new Map<string, Map<Work, readonly TileLoad[]>>();

/** What tiles depend on. */
function cutOf({ hardware, model }: Parameters<typeof tileLoads>[0]): string {
  const { tiles, depthStep, residentElements, channelMultiple } = model;
  const cut = { tiles, depthStep, residentElements, channelMultiple };
  return JSON.stringify([hardware.multiprocessors, cut]);
}

/** The tiles of kernels, found once for each way of cutting them. */
function loadsOf(
  device: Parameters<typeof tileLoads>[0],
): (work: Work) => readonly TileLoad[] | undefined {
  const key = cutOf(device);
  const known = LOADS.get(key) ?? new Map<Work, readonly TileLoad[]>();
  LOADS.set(key, known);
  return (work) => {
    if (work.kind !== "contraction") return undefined;
    const loads = known.get(work) ?? tileLoads(device, work);
    known.set(work, loads);
    return loads;
  };
}
