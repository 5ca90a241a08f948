import { join } from "node:path";
import { UsageError } from "../../core/errors.ts";
import { checkWritable, writeJson } from "../../core/files.ts";
import { correctDevice } from "../../pipeline/tables/correct-device.ts";
import { milliseconds, percent } from "../../report/amounts.ts";
import { type Command, command } from "../command.ts";
import { describedDevice } from "./predict.ts";

export const correctDeviceCommand: Command = command({
  name: "correct-device",
  describe: "Narrow a device's predictions by runs that were measured on a board of your own",
  examples: [
    [
      "mdp correct-device --device jetson:orin-nano --observations runs.json --name my-nano",
      "writes latency-tables/my-nano/device.json; then mdp solve --device my-nano",
    ],
  ],
  options: (yargs) =>
    yargs
      .option("device", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "Device to begin with; mdp devices lists them",
      })
      .option("power-mode", {
        type: "string",
        requiresArg: true,
        describe: "Power mode that the runs were made in",
      })
      .option("observations", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe:
          "File with measured times of the board (schema mdp-observations/1; docs/devices.md)",
      })
      .option("name", {
        type: "string",
        requiresArg: true,
        demandOption: true,
        describe: "What to call the board",
      }),
  run: async (options, context) => {
    const { name } = options;
    if (!/^[a-z0-9][a-z0-9.-]*$/.test(name)) {
      throw new UsageError({
        code: "cli/bad-name",
        message: `'${name}' can't be the name of a device.`,
        where: "--name",
        hint: "Use small letters, digits, dots and hyphens.",
      });
    }
    const out = join("latency-tables", name, "device.json");
    checkWritable(out);
    const described = describedDevice(options.device, options["power-mode"]);
    const device = await correctDevice(described, options.observations, name);
    writeJson(out, device);
    context.json(device);
    const before = described.uncertainty?.common ?? described.expectedError.mean;
    const after = device.uncertainty?.common ?? device.expectedError.mean;
    for (const { network, publishedMs, predictedMs } of device.fit.figures) {
      context.print(
        `${network}: measured ${milliseconds(publishedMs)}, now predicted ${milliseconds(predictedMs)}`,
      );
    }
    context.print(
      `Common error ${percent(before)} before, ${percent(after)} now (standard deviation)\nWritten to ${out}; use it with --device ${name}`,
    );
    return undefined;
  },
});
