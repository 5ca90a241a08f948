import type { Structure } from "../../structure/structure.ts";
import { profiledOps } from "../ops.ts";
import type { LatencyOp } from "../table.ts";
import type { DeviceDescription } from "./device.ts";
import { formatNotes } from "./formats.ts";
import { suppressionPlugin } from "./plugins.ts";
import type { OpWork, PredictOptions } from "./predict-table.ts";

/** What a reader of a predicted table must know. `mostCells`: cells of one operation from which on its grid is coarser. */
export function predictionNotes(
  structure: Structure,
  device: DeviceDescription,
  predicted: PredictOptions & {
    readonly works: readonly OpWork[];
    readonly ops: readonly LatencyOp[];
    readonly mostCells: number;
  },
): string[] {
  const { works, ops, step, precision, mostCells } = predicted;
  return [
    ...notesOf(device, predicted),
    ...pluginNotes(structure),
    ...formatNotes(
      structure,
      works.map((work) => work.precision),
      precision,
    ),
    ...unknownKernelNotes(device, works, ops),
    ...gridNotes(ops, step, mostCells),
  ];
}

/** What a reader must know of numbers that nobody measured. */
function notesOf(
  device: DeviceDescription,
  { batch, precision }: Pick<PredictOptions, "batch" | "precision">,
): string[] {
  const notes = [
    `Predicted from published figures of the ${device.title}, not measured; ${device.fit.how}.`,
    ...(device.powerMode === undefined ? [] : [`For power mode ${device.powerMode}.`]),
  ];
  if (batch !== 1 && device.uncertainty?.extrapolation !== 0) {
    notes.push(
      `Nearly all that the constants were fitted to is at batch 1; batch ${batch} is an extrapolation.`,
    );
  }
  if (precision !== "float16") {
    notes.push(
      `Nearly all that the constants were fitted to is in float16; ${precision} is an extrapolation.`,
    );
  }
  return notes;
}

function pluginNotes(structure: Structure): string[] {
  const plugin = suppressionPlugin(structure, profiledOps(structure));
  if (plugin === null || plugin.inside.size === 0) return [];
  return [
    `${plugin.head.kind} '${plugin.head.label}' and ${plugin.inside.size} operations that choose boxes around it count as one kernel, as TensorRT's EfficientNMS plugin runs them; run one by one, each costs a launch.`,
  ];
}

/** Share of the time from which on a reader must hear of it. */
const NOTEWORTHY = 0.1;

/** Where kernels of kinds that the device's constants were not fitted to take much of the time. */
function unknownKernelNotes(
  { fit }: DeviceDescription,
  works: readonly OpWork[],
  ops: readonly LatencyOp[],
): string[] {
  const { kernels } = fit;
  if (kernels === undefined) return [];
  const times = new Map(ops.map((op) => [op.id, op.ms.at(-1) ?? 0]));
  const unknown = new Map<string, number>();
  let total = 0;
  for (const { op, family } of works) {
    const ms = times.get(op.id) ?? 0;
    total += ms;
    if (family !== undefined && !kernels.includes(family)) {
      unknown.set(family, (unknown.get(family) ?? 0) + ms);
    }
  }
  const share = [...unknown.values()].reduce((sum, ms) => sum + ms, 0) / total;
  if (!(share > NOTEWORTHY)) return [];
  const names = [...unknown].sort(([, a], [, b]) => b - a).map(([name]) => name);
  return [
    `${(100 * share).toFixed(0)} % of the time is in kernels of kinds that no network has which the constants were fitted to ` +
      `(${names.slice(0, 5).join(", ")}): the error may be larger than stated.`,
  ];
}

function gridNotes(ops: readonly LatencyOp[], step: number, mostCells: number): string[] {
  // The first interval may be short, because the fewest channels need not be a multiple.
  const coarse = ops.filter((op) =>
    op.counts.some(([, second = 0, third = second]) => third - second > step),
  );
  if (coarse.length === 0) return [];
  return [
    `${coarse.length} operations have more than ${mostCells} combinations at step ${step}; their grid is coarser and ` +
      "interpolated.",
  ];
}
