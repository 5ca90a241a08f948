/**
 * Fits the constants of the Jetson predictions to published end-to-end latencies and writes
 * `latency-tables/<device>/device.json`. Run it again when the model in src/latency/predict/roofline.ts changes:
 *
 *   npx tsx scripts/fit-devices.ts
 *
 * Two constants per device are fitted by least squares on the logarithm of the time: kernel launch, and what rules
 * convolutions there: step latency where there are tensor cores, Winograd's gain where there are none. The Orins have no
 * figures to be fitted to and take over Xavier's constants.
 */
import { join } from "node:path";
import { packageRoot, writeJson } from "../src/core/files.ts";
import {
  type DeviceDescription,
  type DeviceFigure,
  type DeviceHardware,
  type DeviceModel,
  parseDevice,
} from "../src/latency/predict/device.ts";
import { USUAL_OWN } from "../src/latency/predict/predict-table.ts";
import { workMs } from "../src/latency/predict/roofline.ts";
import {
  AGX_ORIN,
  type Board,
  NANO,
  ORIN_NANO,
  PUBLISHED,
  STARTING_MODEL,
  XAVIER,
} from "./devices/hardware.ts";
import { NETWORKS } from "./devices/networks.ts";

type Figures = Readonly<Record<string, number>>;
type Constant = "launchUs" | "stepCycles" | "winogradGain";

const DATE = "2026-11-22";

function endToEndMs(hardware: DeviceHardware, model: DeviceModel, network: string): number {
  const device = { hardware, model } as DeviceDescription;
  const kernels = NETWORKS[network] ?? [];
  return kernels.reduce((sum, work) => sum + workMs(device, "float16", work), model.callMs);
}

function figuresOf(
  hardware: DeviceHardware,
  model: DeviceModel,
  published: Figures,
): DeviceFigure[] {
  return Object.entries(published).map(([network, publishedMs]) => {
    const predictedMs = endToEndMs(hardware, model, network);
    return {
      network,
      publishedMs,
      predictedMs: rounded(predictedMs),
      error: rounded(predictedMs / publishedMs - 1),
    };
  });
}

/** Pattern search on the logarithms of the constants: halves its step where no neighbour is better. */
function fitted(
  hardware: DeviceHardware,
  start: DeviceModel,
  constants: readonly Constant[],
  published: Figures,
): DeviceModel {
  const loss = (model: DeviceModel): number =>
    Object.entries(published).reduce(
      (sum, [network, ms]) => sum + Math.log(endToEndMs(hardware, model, network) / ms) ** 2,
      0,
    );
  let best = start;
  for (let step = 0.4; step > 1e-4; ) {
    const neighbours = constants.flatMap((constant) =>
      [step, -step].map((shift) => changed(best, constant, shift)),
    );
    const better = neighbours.find((model) => loss(model) < loss(best));
    if (better === undefined) step /= 2;
    else best = better;
  }
  return best;
}

function changed(model: DeviceModel, constant: Constant, shift: number): DeviceModel {
  const value = model[constant] * Math.exp(shift);
  return { ...model, [constant]: constant === "winogradGain" ? Math.max(1, value) : value };
}

interface Fit {
  readonly model: DeviceModel;
  readonly figures: DeviceFigure[];
  readonly leaveOneOut: DeviceFigure[];
  readonly heldOut: DeviceFigure[];
}

function fitBoard(
  board: Board,
  start: DeviceModel,
  constants: readonly Constant[],
  published: Figures,
  heldOut: Figures,
): Fit {
  const { hardware } = board;
  const exact = fitted(hardware, start, constants, published);
  const model = {
    ...exact,
    launchUs: rounded(exact.launchUs),
    stepCycles: rounded(exact.stepCycles),
    winogradGain: rounded(exact.winogradGain),
  };
  const leaveOneOut = Object.keys(published).flatMap((network) => {
    const others = Object.fromEntries(
      Object.entries(published).filter(([name]) => name !== network),
    );
    const without = fitted(hardware, start, constants, others);
    return figuresOf(hardware, without, { [network]: published[network] ?? 0 });
  });
  return {
    model,
    figures: figuresOf(hardware, model, published),
    leaveOneOut,
    heldOut: figuresOf(hardware, model, heldOut),
  };
}

function errorOf(
  figures: readonly DeviceFigure[],
  how: string,
): DeviceDescription["expectedError"] {
  const errors = figures.map(({ error }) => Math.abs(error));
  return {
    mean: rounded(errors.reduce((sum, error) => sum + error, 0) / errors.length),
    worst: rounded(Math.max(...errors)),
    networks: errors.length,
    how,
  };
}

function rounded(value: number): number {
  return Number(value.toPrecision(4));
}

function describe(
  board: Board,
  fit: Fit,
  constants: readonly Constant[],
  how: string,
  expectedError: DeviceDescription["expectedError"],
  common: number,
): DeviceDescription {
  const description = {
    schema: "mdp-device/1",
    name: board.name,
    title: board.title,
    kind: "predicted",
    hardware: board.hardware,
    model: fit.model,
    fit: {
      fitted: constants,
      how,
      figures: fit.figures,
      leaveOneOut: fit.leaveOneOut,
      heldOut: fit.heldOut,
    },
    expectedError,
    uncertainty: { common, extrapolation: EXTRAPOLATION, own: USUAL_OWN, how: SINGLE_ERRORS },
    sources: board.sources,
    date: DATE,
  };
  return parseDevice(description, board.name);
}

/**
 * Nano's constants on a Jetson TX1, SqueezeNet 1.1 under TensorRT in both number formats at batches 2 to 16: 15 to 23 % short
 * (`npm run bench:predict`).
 */
const EXTRAPOLATION = 0.22;

const SINGLE_ERRORS =
  "common: root mean square of the logarithmic errors that expectedError is about; own: as convolutions on a V100 and layers on " +
  "a Jetson TX1 scatter around the model";

/** Root mean square of the logarithmic errors. */
function deviationOf(figures: readonly DeviceFigure[]): number {
  const squares = figures.map(({ error }) => Math.log1p(error) ** 2);
  return rounded(Math.sqrt(squares.reduce((sum, square) => sum + square, 0) / squares.length));
}

function print(title: string, figures: readonly DeviceFigure[]): void {
  const items = figures.map(({ network, predictedMs, error }) => {
    return `${network} ${predictedMs} ms (${(100 * error).toFixed(1)} %)`;
  });
  console.log(`${title}: ${items.join(", ")}`);
}

function report(board: Board, fit: Fit): void {
  const { launchUs, stepCycles, winogradGain } = fit.model;
  console.log(
    `${board.name}: launch ${launchUs} us, step ${stepCycles} cycles, Winograd ${winogradGain}`,
  );
  print("  fitted", fit.figures);
  print("  leave one out", fit.leaveOneOut);
  print("  held out", fit.heldOut);
}

function errorWithin(fit: Fit): DeviceDescription["expectedError"] {
  return errorOf(
    [...fit.leaveOneOut, ...fit.heldOut],
    "whole networks at batch 1, float16: each ResNet from a fit to the others, and networks held out",
  );
}

function within({ leaveOneOut, heldOut }: Fit): number {
  return deviationOf([...leaveOneOut, ...heldOut]);
}

/** The error of taking constants to another device, both ways between the two that have figures. */
function errorAcross(
  xavier: Fit,
  nanoAlone: Fit,
): { readonly expected: DeviceDescription["expectedError"]; readonly deviation: number } {
  const allOf = (board: "jetson-nano" | "jetson-xavier"): Figures => ({
    ...PUBLISHED.fitted[board],
    ...PUBLISHED.heldOut[board],
  });
  const toNano = figuresOf(NANO.hardware, xavier.model, allOf("jetson-nano"));
  const toXavier = figuresOf(XAVIER.hardware, nanoAlone.model, allOf("jetson-xavier"));
  print("Xavier's constants on Nano", toNano);
  print("Nano's constants on Xavier", toXavier);
  const expected = errorOf(
    [...toNano, ...toXavier],
    "nothing published to compare with: the error of carrying constants between Xavier and Nano, both ways, whole networks " +
      "at batch 1, float16",
  );
  return { expected, deviation: deviationOf([...toNano, ...toXavier]) };
}

function main(): void {
  const { fitted: known, heldOut } = PUBLISHED;
  const xavierConstants = ["launchUs", "stepCycles"] as const;
  const nanoConstants = ["launchUs", "winogradGain"] as const;
  const xavier = fitBoard(
    XAVIER,
    STARTING_MODEL,
    xavierConstants,
    known["jetson-xavier"],
    heldOut["jetson-xavier"],
  );
  const fitNano = (stepCycles: number): Fit =>
    fitBoard(
      NANO,
      { ...STARTING_MODEL, stepCycles, winogradGain: 1.5 },
      nanoConstants,
      known["jetson-nano"],
      heldOut["jetson-nano"],
    );
  const nano = fitNano(xavier.model.stepCycles);
  report(XAVIER, xavier);
  report(NANO, nano);
  // On its own, Nano must not know Xavier's step latency.
  const across = errorAcross(xavier, fitNano(0));
  const own =
    "two constants fitted to published float16 TensorRT times at batch 1 (least squares on log error), the others chosen by " +
    "hand with the VGG and ResNet-152 times in view";
  const carried: Fit = { model: xavier.model, figures: [], leaveOneOut: [], heldOut: [] };
  const taken =
    "nothing fitted: constants carried over from jetson-xavier, hardware figures its own";
  const devices = [
    describe(XAVIER, xavier, xavierConstants, own, errorWithin(xavier), within(xavier)),
    describe(
      NANO,
      nano,
      nanoConstants,
      `${own}; step latency carried over from jetson-xavier`,
      errorWithin(nano),
      within(nano),
    ),
    describe(ORIN_NANO, carried, [], taken, across.expected, across.deviation),
    describe(AGX_ORIN, carried, [], taken, across.expected, across.deviation),
  ];
  for (const device of devices) {
    const { mean, worst } = device.expectedError;
    console.log(
      `${device.name}: expected error mean ${(100 * mean).toFixed(1)} %, worst ${(100 * worst).toFixed(1)} %`,
    );
    writeJson(join(packageRoot(), "latency-tables", device.name, "device.json"), device);
  }
}

main();
