/**
 * Judges predictions for a device that is not at hand on what others measured on a Jetson TX1: the constants are fitted to
 * AlexNet's layers and times, per library and over its batches, and SqueezeNet 1.0 and 1.1 are predicted, which nothing was
 * fitted to. Nothing of the measurements is shipped.
 */
import type { DeviceHardware } from "../../src/latency/predict/device.ts";
import {
  type FittedDevice,
  fitDevice,
  type Observation,
  observedMs,
  SHAPE_DEVIATION,
} from "../../src/latency/predict/fit-device.ts";
import { cellInterval, intervalMs } from "../../src/latency/uncertainty.ts";
import { plainTable } from "../../src/report/format.ts";
import { startingModel, TX1_CPU, TX1_GPU, TX1_LIBRARIES, type Tx1Library, worksOf } from "./tx1.ts";
import { groupBy, type Measured, readMeasured } from "./tx1-measured.ts";
import { type LayerKind, TX1_NETWORKS, type Tx1Layer } from "./tx1-networks.ts";

const LEVEL = 0.9;
const LEARNT = "bvlc-alexnet";
const JUDGED = ["deepscale-squeezenet-1.0", "deepscale-squeezenet-1.1"];

interface Judged {
  readonly library: Tx1Library;
  readonly network: string;
  readonly batch: number;
  readonly measuredMs: number;
  readonly predictedMs: number;
  readonly lowMs: number;
  readonly highMs: number;
}

interface JudgedLayer {
  readonly library: string;
  readonly kind: string;
  readonly measuredMs: number;
  readonly predictedMs: number;
  readonly isInside: boolean;
}

function layerObservation(
  layer: Tx1Layer,
  library: Tx1Library,
  batch: number,
): Omit<Observation, "ms" | "name"> {
  return { works: worksOf(layer, library, batch), precision: library.precision, isCall: false };
}

function fitLibrary(
  measured: Measured,
  library: Tx1Library,
  hardware: DeviceHardware,
): FittedDevice {
  const observations = measured.batches.flatMap((batch) =>
    (TX1_NETWORKS[LEARNT] ?? []).flatMap((layer): Observation[] => {
      const ms = measured.layers.get([LEARNT, library.name, batch, layer.name].join());
      const observation = layerObservation(layer, library, batch);
      if (ms === undefined || observation.works.length === 0) return [];
      return [{ ...observation, name: `${layer.name}, batch ${batch}`, ms }];
    }),
  );
  const others = JUDGED.flatMap((network) =>
    (TX1_NETWORKS[network] ?? []).flatMap((layer) => worksOf(layer, library, 2)),
  );
  return fitDevice({ hardware, model: startingModel(library) }, observations, others);
}

/** What a whole run takes beside the sum of its layers, per layer: AlexNet's median over the batches. */
function betweenLayersMs(measured: Measured, library: Tx1Library): number {
  const differences = measured.batches.flatMap((batch) => {
    const network = measured.networks.get([LEARNT, library.name, batch].join());
    const prefix = `${[LEARNT, library.name, batch].join()},`;
    const layers = [...measured.layers].filter(([key]) => key.startsWith(prefix));
    const sum = layers.reduce((total, [, ms]) => total + ms, 0);
    return network === undefined ? [] : [(network - sum) / layers.length];
  });
  return differences.sort((a, b) => a - b)[Math.floor(differences.length / 2)] ?? 0;
}

interface JudgedLibrary {
  readonly totals: readonly Judged[];
  readonly layers: readonly JudgedLayer[];
  readonly fit: FittedDevice;
}

function judgeLibrary(measured: Measured, library: Tx1Library): JudgedLibrary {
  const fit = fitLibrary(measured, library, hardwareOf(library));
  const between = betweenLayersMs(measured, library);
  const runs = JUDGED.flatMap((network) => measured.batches.map((batch) => ({ network, batch })));
  return {
    fit,
    totals: runs.flatMap(
      ({ network, batch }) => judgeTotal(measured, library, network, batch, fit, between) ?? [],
    ),
    layers: runs.flatMap(({ network, batch }) =>
      judgeLayers(measured, library, network, batch, fit),
    ),
  };
}

function hardwareOf({ on }: Tx1Library): DeviceHardware {
  return on === "gpu" ? TX1_GPU : TX1_CPU;
}

/** The layers of a network that cost something, with what is predicted of them. */
function predictedLayers(
  library: Tx1Library,
  network: string,
  batch: number,
  fit: FittedDevice,
): { layer: Tx1Layer; observation: Omit<Observation, "ms" | "name">; ms: number }[] {
  return (TX1_NETWORKS[network] ?? []).flatMap((layer) => {
    const observation = layerObservation(layer, library, batch);
    if (observation.works.length === 0) return [];
    return [{ layer, observation, ms: observedMs(hardwareOf(library), fit.model, observation) }];
  });
}

function judgeTotal(
  measured: Measured,
  library: Tx1Library,
  network: string,
  batch: number,
  fit: FittedDevice,
  between: number,
): Judged | null {
  const measuredMs = measured.networks.get([network, library.name, batch].join());
  if (measuredMs === undefined) return null;
  const layers = predictedLayers(library, network, batch, fit);
  const works = layers.flatMap(({ observation }) => observation.works);
  const common = fit.openDeviation({ works, precision: library.precision, isCall: false });
  const own = fit.scatter ** 2 + SHAPE_DEVIATION ** 2;
  const variance = layers.reduce((sum, { ms }) => sum + own * ms ** 2, 0);
  const predictedMs = layers.reduce((sum, { ms }) => sum + ms, between * layers.length);
  const interval = intervalMs({ ms: predictedMs, variance, common }, LEVEL);
  return { library, network, batch, measuredMs, predictedMs, ...interval };
}

function judgeLayers(
  measured: Measured,
  library: Tx1Library,
  network: string,
  batch: number,
  fit: FittedDevice,
): JudgedLayer[] {
  return predictedLayers(library, network, batch, fit).flatMap(({ layer, observation, ms }) => {
    const known = measured.layers.get([network, library.name, batch, layer.name].join());
    if (known === undefined) return [];
    const own = Math.hypot(fit.scatter, SHAPE_DEVIATION, fit.openDeviation(observation));
    const { lowMs, highMs } = cellInterval(ms, own, LEVEL);
    const isInside = known >= lowMs && known <= highMs;
    return [
      { library: library.name, kind: kindOf(layer), measuredMs: known, predictedMs: ms, isInside },
    ];
  });
}

function kindOf({ kind, kernel }: Tx1Layer): LayerKind | string {
  return kind === "convolution" ? `convolution ${kernel}x${kernel}` : kind;
}

const percent = (share: number): string => `${(100 * share).toFixed(1)} %`;
const error = ({ predictedMs, measuredMs }: { predictedMs: number; measuredMs: number }): number =>
  predictedMs / measuredMs - 1;

function printTotals(totals: readonly Judged[], batches: readonly number[]): void {
  const table = plainTable(
    ["library", "network", ...batches.map(String), "inside 90 %"],
    ["left", "left", ...batches.map(() => "right" as const), "right"],
  );
  for (const [, row] of groupBy(totals, ({ library, network }) => `${library.name},${network}`)) {
    const [first] = row;
    if (first === undefined) continue;
    const inside = row.filter(
      ({ measuredMs, lowMs, highMs }) => measuredMs >= lowMs && measuredMs <= highMs,
    );
    const cells = batches.map((batch) => {
      const one = row.find((judged) => judged.batch === batch);
      return one === undefined ? "" : percent(error(one));
    });
    table.push([
      first.library.name,
      first.network.slice(-3),
      ...cells,
      `${inside.length}/${row.length}`,
    ]);
  }
  console.log(table.toString());
  const errors = totals.map((one) => Math.abs(error(one)));
  const within = errors.filter((one) => one <= 0.15).length;
  const kept = totals.filter(
    ({ measuredMs, lowMs, highMs }) => measuredMs >= lowMs && measuredMs <= highMs,
  );
  console.log(
    `${totals.length} totals: ${kept.length} inside their 90 % interval; mean error ${percent(errors.reduce((a, b) => a + b, 0) / errors.length)}, worst ${percent(Math.max(...errors))}, ${within} within 15 %`,
  );
}

function printLayers(layers: readonly JudgedLayer[]): void {
  const libraries = [...new Set(layers.map(({ library }) => library))];
  const table = plainTable(
    [
      "layers: bias / median error",
      ...libraries.map((name) => name.replace("tensorrt-1.0.0", "trt").replace("nvidia-", "")),
      "inside 90 %",
    ],
    ["left", ...libraries.map(() => "right" as const), "right"],
  );
  for (const [kind, all] of groupBy(layers, (layer) => layer.kind)) {
    const cells = libraries.map((library) => {
      const those = all.filter((layer) => layer.library === library);
      if (those.length === 0) return "";
      const bias =
        those.reduce((sum, one) => sum + one.predictedMs, 0) /
          those.reduce((sum, one) => sum + one.measuredMs, 0) -
        1;
      const sorted = those.map((one) => Math.abs(error(one))).sort((a, b) => a - b);
      return `${(100 * bias).toFixed(0)} / ${(100 * (sorted[Math.floor(sorted.length / 2)] ?? 0)).toFixed(0)} %`;
    });
    table.push([
      kind,
      ...cells,
      percent(all.filter(({ isInside }) => isInside).length / all.length),
    ]);
  }
  console.log(table.toString());
  const inside = layers.filter((layer) => layer.isInside).length;
  console.log(
    `${layers.length} layers: ${percent(inside / layers.length)} inside their 90 % interval`,
  );
}

/** Prints errors in total and by kind of layer, and how often the intervals hold. */
export function judgeTx1(shared: string): void {
  const measured = readMeasured(shared);
  const judged = TX1_LIBRARIES.map((library) => ({ library, ...judgeLibrary(measured, library) }));
  console.log(
    "Jetson TX1: fitted to AlexNet, SqueezeNets predicted; error of the whole network by batch",
  );
  printTotals(
    judged.flatMap(({ totals }) => totals),
    measured.batches,
  );
  console.log("\nby kind of layer, all batches of both networks");
  printLayers(judged.flatMap(({ layers }) => layers));
  if (process.env["MDP_VERBOSE"] === undefined) return;
  for (const { library, fit } of judged) {
    const constants = fit.constants.map(
      ({ name, value, after }) => `${name} ${value.toPrecision(3)} (±${after.toFixed(2)})`,
    );
    console.log(`${library.name}: scatter ${fit.scatter.toFixed(3)}; ${constants.join(", ")}`);
  }
}
