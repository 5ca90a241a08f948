import { UsageError } from "../../core/errors.ts";
import { checkWritable } from "../../core/files.ts";
import { resolveDevice, tableFolders } from "../../latency/devices.ts";
import { type DeviceDescription, PRECISIONS } from "../../latency/predict/device.ts";
import { type LearntDevice, learnDevice } from "../../latency/predict/observations.ts";
import { predictTable } from "../../latency/predict/predict-table.ts";
import { writeTable } from "../../latency/table.ts";
import { checkWhole } from "../../pipeline/checks.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import { openObservations } from "../../pipeline/tables/correct-device.ts";
import { predictionReport } from "../../pipeline/tables/prediction.ts";
import {
  batchNotes,
  predictedBatch,
  predictedPrecision,
} from "../../pipeline/tables/table-source.ts";
import { painter } from "../../report/painter.ts";
import { predictText } from "../../report/predict-report.ts";
import { type Command, command } from "../command.ts";

export const predictCommand: Command = command({
  name: "predict [model]",
  describe: "Predict a network's latency on a device that is not at hand, with its error",
  examples: [
    ["mdp predict net.onnx --device jetson --batch 1", "from published figures of the device"],
    [
      "mdp predict published:yolov8m@640 --device jetson:orin-nano --power-mode maxn-super",
      "a published network by its name and its picture's size, no file",
    ],
    [
      "mdp predict net.onnx --device jetson-orin-nano --observations runs.json --out table.json",
      "fitted to a handful of runs on it; the table is for mdp solve --table",
    ],
  ],
  options: (yargs) =>
    yargs
      .positional("model", {
        type: "string",
        describe: "ONNX file, or published:yolov8n@640; the embedded default without it",
      })
      .option("device", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "Device to predict for; mdp devices lists them",
      })
      .option("power-mode", {
        type: "string",
        requiresArg: true,
        describe: "Power mode of the device: 15w, maxn; mdp devices lists them",
      })
      .option("batch", {
        type: "number",
        requiresArg: true,
        describe: "Images per run; what the network fixes, or 1",
      })
      .option("precision", {
        choices: PRECISIONS,
        requiresArg: true,
        describe: "Number format; int8 where the network is quantised, otherwise float16",
      })
      .option("step", {
        type: "number",
        requiresArg: true,
        default: 8,
        describe: "Step of the table's grid, in channels",
      })
      .option("observations", {
        type: "string",
        requiresArg: true,
        describe:
          "File with measured times of the device (schema mdp-observations/1; docs/devices.md)",
      })
      .option("out", {
        type: "string",
        requiresArg: true,
        describe: "Write the predicted latency table to this file",
      }),
  run: async (options, context) => {
    const { step, out } = options;
    checkWhole(options.batch, "--batch", 1);
    checkWhole(step, "--step", 1);
    if (out !== undefined) checkWritable(out);
    const described = describedDevice(options.device, options["power-mode"]);
    const open = await openNetwork(options.model, context);
    const batch = predictedBatch(open.structure, options.batch, 1);
    const precision = options.precision ?? predictedPrecision(open.structure, described);
    const target = { structure: open.structure, batch, precision };
    const observations =
      options.observations === undefined ? null : await openObservations(options.observations);
    const learnt: LearntDevice | null =
      observations === null ? null : learnDevice(described, observations, target);
    const device = learnt?.device ?? described;
    const table = predictTable(open.structure, device, {
      ...{ batch, precision, step },
      networkName: open.name,
      command: context.commandLine,
    });
    const fitted =
      learnt === null || observations === null
        ? null
        : { fit: learnt.fit, surprise: learnt.surprise, observations };
    const report = predictionReport(open, table, device, fitted);
    const notes = [...batchNotes(open.structure, table), ...report.notes];
    if (out !== undefined) writeTable(out, table);
    context.json({ ...report, notes });
    context.print(predictText({ ...report, notes }, painter(process.stdout.isTTY)));
    if (out !== undefined) context.print(`\nTable written to ${out}; solve with --table ${out}`);
    return undefined;
  },
});

export function describedDevice(name: string, powerMode?: string): DeviceDescription {
  const device = resolveDevice(name, tableFolders(process.cwd()), powerMode);
  if (device.description !== null) return device.description;
  throw new UsageError({
    code: "cli/no-description",
    message: `Device '${device.name}' has measured tables only: there is nothing to predict from.`,
    where: "--device",
    hint: "Name one that mdp devices calls predicted, or put its figures into latency-tables/<name>/device.json.",
  });
}
