/**
 * Fits the constants of all Jetsons to published runs (scripts/devices/observations), judges them on networks and boards that were
 * left out, and writes `latency-tables/<board>/device.json`. Run it again when the model in src/latency/predict changes:
 *
 *   npx tsx scripts/fit-devices.ts
 *
 * Prints figures J1 to J5 of docs/results/jetson.md; deterministic.
 */
import { join } from "node:path";
import { packageRoot, writeJson } from "../src/core/files.ts";
import {
  type DeviceDescription,
  type DeviceFigure,
  parseDevice,
} from "../src/latency/predict/device.ts";
import { fitDevice, observedMs } from "../src/latency/predict/fit-device.ts";
import { trustIn } from "../src/latency/predict/observations.ts";
import { USUAL_OWN } from "../src/latency/predict/predict-table.ts";
import { type FamilyFit, fitFamily, modelOf, residualsOf } from "./devices/family-fit.ts";
import { BOARDS, type Board } from "./devices/hardware.ts";
import { JETSON_FORM } from "./devices/jetson-form.ts";
import { type Seen, seenRuns } from "./devices/observed.ts";
import { hardwareOf } from "./devices/timed-runs.ts";

const DATE = "2026-11-30";
const Z90 = 1.6449;
/** Sizes of a detector that are fitted to; all are judged. */
const FITTED_SIDES = [160, 640, 1280];

interface Judged {
  readonly run: Seen;
  /** ln predicted - ln measured, from a fit without its network. */
  readonly residual: number;
}

const isMain = ({ run }: Judged): boolean => run.precision === "float16" && run.batch === 1;
const sizeOf = (residual: number): number => Math.abs(Math.expm1(residual));
const mean = (values: readonly number[]): number =>
  values.reduce((sum, value) => sum + value, 0) / Math.max(1, values.length);
const rms = (values: readonly number[]): number =>
  Math.sqrt(mean(values.map((value) => value ** 2)));
const rounded = (value: number): number => Number(value.toPrecision(4));
const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;

function summary(judged: readonly Judged[]): string {
  const errors = judged.map(({ residual }) => sizeOf(residual));
  return `${judged.length} runs, mean ${percent(mean(errors))}, worst ${percent(Math.max(0, ...errors))}`;
}

function grouped<Item>(items: readonly Item[], by: (item: Item) => string): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items) groups.set(by(item), [...(groups.get(by(item)) ?? []), item]);
  return new Map([...groups].sort(([a], [b]) => (a < b ? -1 : 1)));
}

function print(title: string, judged: readonly Judged[], by: (run: Seen) => string): void {
  console.log(`\n${title}: ${summary(judged)}`);
  for (const [name, group] of grouped(judged, ({ run }) => by(run))) {
    console.log(`  ${name.padEnd(24)} ${summary(group)}`);
  }
}

/** Networks that are the same but for their activation go together. */
const kin = (network: string): string => network.replace("-leaky", "");

function main(): void {
  const all = seenRuns();
  const used = all.filter(({ set }) => set !== "older");
  const fitted = used.filter(({ set, side }) => set !== "trtutils" || FITTED_SIDES.includes(side));
  const whole = fitFamily(JETSON_FORM, fitted);
  console.log(`fitted to ${fitted.length} runs of ${used.length}`);
  const left = leaveNetworksOut(used, fitted, whole);
  const carried = leaveBoardsOut(used, fitted, whole);
  const main = left.filter(isMain);
  print("J1, networks left out, float16, batch 1, by board", main, ({ board }) => board);
  print("J1 by family", main, ({ family }) => family);
  print("J1 by network", main, ({ network }) => network);
  print(
    "networks left out, other formats and batches",
    left.filter((one) => !isMain(one)),
    ({ precision, batch }) => `${precision}, batch ${batch}`,
  );
  console.log("\nworst rows");
  for (const { run, residual } of [...main]
    .sort((a, b) => sizeOf(b.residual) - sizeOf(a.residual))
    .slice(0, 12)) {
    console.log(
      `  ${run.network}@${run.side} on ${run.board}: ${run.ms} ms, error ${percent(Math.expm1(residual))}`,
    );
  }
  print("J2, boards left out", carried.filter(isMain), ({ board }) => board);
  coverage(main);
  ratios(main);
  const older = all.filter(({ set }) => set === "older");
  const olderJudged = residualsOf(whole, older).map(
    (residual, at): Judged => ({ run: older[at] as Seen, residual }),
  );
  print("older harnesses (nothing fitted)", olderJudged, ({ board }) => board);
  const devices = BOARDS.map((board) => describe(board, whole, left, carried, olderJudged));
  oneRun(used, fitted, whole, devices);
  for (const device of devices) {
    writeJson(join(packageRoot(), "latency-tables", device.name, "device.json"), device);
  }
}

function leaveNetworksOut(
  used: readonly Seen[],
  fitted: readonly Seen[],
  whole: FamilyFit,
): Judged[] {
  return [...grouped(used, ({ network }) => kin(network))].flatMap(([name, held]) => {
    const fit = fitFamily(
      JETSON_FORM,
      fitted.filter(({ network }) => kin(network) !== name),
      whole,
    );
    return residualsOf(fit, held).map(
      (residual, at): Judged => ({ run: held[at] as Seen, residual }),
    );
  });
}

function leaveBoardsOut(
  used: readonly Seen[],
  fitted: readonly Seen[],
  whole: FamilyFit,
): Judged[] {
  return [...grouped(used, ({ board }) => board)].flatMap(([name, held]) => {
    const fit = withoutBoard(fitted, whole, name);
    return residualsOf(fit, held).map(
      (residual, at): Judged => ({ run: held[at] as Seen, residual }),
    );
  });
}

const WITHOUT = new Map<string, FamilyFit>();

function withoutBoard(fitted: readonly Seen[], whole: FamilyFit, name: string): FamilyFit {
  const known =
    WITHOUT.get(name) ??
    fitFamily(
      JETSON_FORM,
      fitted.filter(({ board }) => board !== name),
      whole,
    );
  WITHOUT.set(name, known);
  return known;
}

/** Deviation that intervals are made with: from other networks on the same board. */
function coverage(judged: readonly Judged[]): void {
  let held = 0;
  const byBoard = grouped(judged, ({ run }) => run.board);
  for (const { run, residual } of judged) {
    const others = (byBoard.get(run.board) ?? []).filter(
      (other) => other.run.network !== run.network,
    );
    if (Math.abs(residual) <= Z90 * rms(perNetwork(others))) held += 1;
  }
  console.log(
    `\nJ3, 90 % intervals hold ${percent(held / judged.length)} of ${judged.length} left-out runs`,
  );
}

/** Root mean square of each network's residuals, so that eight sizes of one don't outvote the others. */
function perNetwork(judged: readonly Judged[]): number[] {
  return [...grouped(judged, ({ run }) => run.network).values()].map((group) =>
    rms(group.map(({ residual }) => residual)),
  );
}

const PAIRS = [
  ["resnet18", "resnet50"],
  ["resnet18", "resnet34"],
  ["mobilenetv3-small", "mobilenetv3-large"],
  ["mixnet-small", "mixnet-medium"],
  ["mixnet-medium", "mixnet-large"],
  ["yolov8n", "yolov8s"],
  ["yolov9s", "yolov9m"],
  ["yolov10n", "yolov10m"],
  ["yoloxt", "yoloxs"],
  ["yolov7t", "yolov7m"],
] as const;

/** Each of a pair predicted from a fit without it. */
function ratios(judged: readonly Judged[]): void {
  const errors: number[] = [];
  console.log("\nJ4, ratio of the smaller network to the larger");
  for (const [small, large] of PAIRS) {
    const own = judged.flatMap(({ run, residual }) => {
      if (run.network !== small) return [];
      const other = judged.find(
        (one) =>
          one.run.network === large &&
          one.run.board === run.board &&
          one.run.set === run.set &&
          one.run.side === run.side,
      );
      return other === undefined ? [] : [sizeOf(residual - other.residual)];
    });
    errors.push(...own);
    console.log(
      `  ${small} / ${large}: ${own.length} pairs, mean ${percent(mean(own))}, worst ${percent(Math.max(0, ...own))}`,
    );
  }
  console.log(
    `  all: ${errors.length} pairs, mean ${percent(mean(errors))}, worst ${percent(Math.max(...errors))}`,
  );
}

/** A board that nothing is known of, then one run of it: the network in the middle of its errors is not chosen, but YOLOX-S. */
function oneRun(
  used: readonly Seen[],
  fitted: readonly Seen[],
  whole: FamilyFit,
  devices: readonly DeviceDescription[],
): void {
  const judged: Judged[] = [];
  for (const [name, runs] of grouped(
    used.filter(({ precision, batch }) => precision === "float16" && batch === 1),
    ({ board }) => board,
  )) {
    const device = devices.find((one) => one.name === name);
    const ran = runs.find(({ network, side }) => network === "yoloxs" && side === 640);
    if (device === undefined || ran === undefined) continue;
    const before = { ...device, model: modelOf(withoutBoard(fitted, whole, name), name) };
    for (const [mode, own] of grouped(runs, ({ powerMode }) => powerMode ?? "")) {
      const hardware = hardwareOf(name, ran.powerMode);
      const trust = trustIn({ ...before, hardware }, [ran], ran, CARRIED_DEVIATION);
      const { model } = fitDevice({ hardware, model: before.model }, [ran], [], trust);
      for (const run of own) {
        if (run === ran) continue;
        const ms = observedMs(hardwareOf(name, mode === "" ? null : mode), model, run);
        judged.push({ run, residual: Math.log(ms / run.ms) });
      }
    }
  }
  print(
    "J5, after one run (YOLOX-S at 640) of a board that was left out",
    judged,
    ({ board }) => board,
  );
}

const CARRIED_DEVIATION = 0.15;

function describe(
  board: Board,
  whole: FamilyFit,
  left: readonly Judged[],
  carried: readonly Judged[],
  older: readonly Judged[],
): DeviceDescription {
  const here = left.filter(({ run }) => run.board === board.name);
  const main = here.filter(isMain);
  const others = left.filter((one) => !isMain(one));
  const errors = main.map(({ residual }) => sizeOf(residual));
  const common = rounded(rms(perNetwork(main)));
  const extrapolation = rounded(
    Math.sqrt(Math.max(0, rms(others.map(({ residual }) => residual)) ** 2 - 0.06 ** 2)),
  );
  const networks = new Set(main.map(({ run }) => run.network)).size;
  const kernels = new Set(
    here.flatMap(({ run }) => run.works.flatMap(({ family }) => family ?? [])),
  );
  const figure = ({ run, residual }: Judged): DeviceFigure => ({
    network: `${run.network}@${run.side}${run.batch === 1 ? "" : `, batch ${run.batch}`}${run.precision === "float16" ? "" : `, ${run.precision}`}${run.powerMode === null ? "" : `, ${run.powerMode}`}`,
    publishedMs: run.ms,
    predictedMs: rounded(run.ms * Math.exp(residual)),
    error: rounded(Math.expm1(residual)),
  });
  const groups = [
    ...[...grouped(main, ({ run }) => run.family)].map(
      ([name, group]) => ["family", name, group] as const,
    ),
    ...[...grouped(here, ({ run }) => run.precision)].map(
      ([name, group]) => ["precision", name, group] as const,
    ),
  ].map(([by, name, group]) => ({
    ...{ by, name, runs: group.length },
    networks: new Set(group.map(({ run }) => run.network)).size,
    mean: rounded(mean(group.map(({ residual }) => sizeOf(residual)))),
    worst: rounded(Math.max(...group.map(({ residual }) => sizeOf(residual)))),
  }));
  const alone = carried.filter(({ run }) => run.board === board.name).filter(isMain);
  return parseDevice(
    {
      ...{ schema: "mdp-device/1", name: board.name, title: board.title, kind: "predicted" },
      hardware: board.hardware,
      model: roundedModel(modelOf(whole, board.name)),
      fit: {
        fitted: [...JETSON_FORM.shared, ...JETSON_FORM.own].map(({ name }) => name),
        how:
          `constants of all Jetsons fitted together to published TensorRT times, with a few of each board's own; ${here.length} runs ` +
          `of ${new Set(here.map(({ run }) => run.network)).size} networks are of this board (docs/decisions/0070)`,
        figures: [],
        leaveOneOut: here.map(figure),
        heldOut: older.filter(({ run }) => run.board === board.name).map(figure),
        kernels: [...kernels].sort(),
      },
      errors: groups,
      powerModes: board.powerModes,
      powerMode: Object.keys(board.powerModes)[0],
      expectedError: {
        mean: rounded(mean(errors)),
        worst: rounded(Math.max(...errors)),
        networks,
        how:
          `whole networks at batch 1, float16, each predicted from a fit without it; without any run of this board ` +
          `${percent(mean(alone.map(({ residual }) => sizeOf(residual))))} on average`,
      },
      uncertainty: {
        common,
        extrapolation,
        own: USUAL_OWN,
        how: "common: root mean square of the errors on published networks, as logarithms, each network counted once; own: the scatter of single layers measured on a V100 and a Jetson TX1",
      },
      sources: [
        ...board.sources,
        "Published runs: scripts/devices/observations, each with its source",
      ],
      date: DATE,
    },
    board.name,
  );
}

function roundedModel(model: DeviceDescription["model"]): unknown {
  return JSON.parse(
    JSON.stringify(model, (_, value: unknown) =>
      typeof value === "number" ? rounded(value) : value,
    ),
  );
}

main();
