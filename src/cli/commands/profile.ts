import { UsageError } from "../../core/errors.ts";
import { checkWritable, writeFileAtomic } from "../../core/files.ts";
import { RUNNERS } from "../../latency/remote/runners/runner.ts";
import { checkPositive, checkWhole, shareOf } from "../../pipeline/checks.ts";
import { openNetwork } from "../../pipeline/open/network.ts";
import { profileBoards } from "../../pipeline/tables/profile-boards.ts";
import { PROFILE_DEFAULTS, profileModel } from "../../pipeline/tables/profile-model.ts";
import { validationSvg } from "../../report/figures/scatter-chart.ts";
import { profileText } from "../../report/profile-report.ts";
import { OPTIMISATIONS } from "../../runtime/session.ts";
import { type Command, command } from "../command.ts";
import {
  boardAccesses,
  noHost,
  REPEATABLE_BOARD_OPTIONS,
  withBoardOptions,
} from "../options/board-options.ts";
import { printBoards } from "../print-boards.ts";

/** Without this, an option whose value was forgotten would quietly be its default. */
const NEED_A_VALUE = [
  "device",
  "runner",
  "name",
  "batch",
  "threads",
  "precision",
  "optimisation",
  "step",
  "runs",
  "repeats",
  "max-minutes",
  "target-error",
  "validate",
  "seed",
  "out",
  "figure",
];

export const profileCommand: Command = command({
  name: "profile [model]",
  describe: "Measure a network's latency table on this machine, or on boards over ssh",
  examples: [
    ["mdp profile net.onnx --step 8", "measure at batch 1, one thread"],
    [
      "mdp profile net.onnx --batch 8 --step 4 --validate 20",
      "and judge it on 20 subnets left out",
    ],
    [
      "mdp profile net.onnx --target-error 2% --max-minutes 20",
      "measure until unseen networks are predicted within 2 % on average",
    ],
    [
      "mdp profile net.onnx --host me@nano --host me@orin --precision float16",
      "on two boards at once, with the best runtime that each has",
    ],
  ],
  repeatable: [...REPEATABLE_BOARD_OPTIONS, "name"],
  options: (yargs) =>
    withBoardOptions(yargs)
      .positional("model", {
        type: "string",
        describe: "ONNX file; the embedded default without it",
      })
      .option("device", {
        type: "string",
        default: "local",
        describe: "Device to measure on: local (this machine), or a host of your ssh configuration",
      })
      .option("runner", {
        choices: ["auto", ...RUNNERS] as const,
        default: "auto" as const,
        describe: "Runtime on a board of --host; auto takes the first one that is installed",
      })
      .option("name", {
        type: "string",
        array: true,
        nargs: 1,
        describe:
          "Name of the device in the table; with several --host one name each [cpu- and the processor's name; the host's name]",
      })
      .option("batch", {
        type: "number",
        default: PROFILE_DEFAULTS.batch as number,
        describe: "Images per run",
      })
      .option("threads", {
        type: "number",
        default: PROFILE_DEFAULTS.threads as number,
        describe: "Threads inside an operation",
      })
      .option("precision", {
        type: "string",
        default: "float32",
        describe: "Precision: float32, or float16 where trtexec builds it",
      })
      .option("optimisation", {
        choices: OPTIMISATIONS,
        default: "all" as const,
        describe: "Graph optimisation level of the runtime; all is the runtime's default",
      })
      .option("step", {
        type: "number",
        default: PROFILE_DEFAULTS.step as number,
        describe: "Step of the table's grid, in channels",
      })
      .option("runs", {
        type: "number",
        default: PROFILE_DEFAULTS.runs as number,
        describe: "Number of networks to measure",
      })
      .option("repeats", {
        type: "number",
        default: PROFILE_DEFAULTS.repeats as number,
        describe: "Number of timed runs of each network",
      })
      .option("max-minutes", {
        type: "number",
        default: PROFILE_DEFAULTS.maxMinutes as number,
        describe: "Longest time to measure, in minutes, validation included",
      })
      .option("target-error", {
        type: "string",
        describe:
          "Choose networks where the table is uncertain, and stop at this mean error on unseen ones, such as 2%; --runs and --max-minutes still hold",
      })
      .option("validate", {
        type: "number",
        default: PROFILE_DEFAULTS.validate as number,
        describe: "Number of networks to validate the table on; they are not used for it",
      })
      .option("seed", {
        type: "number",
        default: PROFILE_DEFAULTS.seed as number,
        describe: "Random seed of the subnets",
      })
      .option("out", {
        type: "string",
        default: ".",
        describe: "Folder for latency-tables/<device>/<network>-b<batch>.json",
      })
      .option("figure", {
        type: "string",
        describe: "Draw predicted against measured times of --validate to this file, as SVG",
      })
      .requiresArg(NEED_A_VALUE),
  run: async (options, context) => {
    const hosts = hostsOf(options.device, options.host ?? []);
    const accesses = boardAccesses(hosts, options, context.signal);
    // This machine is measured with onnxruntime-node; a table of that for TensorRT's would be a quiet mistake.
    if (hosts.length === 0 && options.runner !== "auto" && options.runner !== "onnxruntime-node") {
      throw noHost(`--runner ${options.runner}`);
    }
    for (const name of ["batch", "threads", "step", "runs", "repeats"] as const) {
      checkWhole(options[name], `--${name}`, 1);
    }
    checkWhole(options.validate, "--validate", 0);
    const { figure } = options;
    if (figure !== undefined) checkFigure(figure, options.validate, accesses.length);
    checkWhole(options.seed, "--seed", 0);
    checkPositive(options.maxMinutes, "--max-minutes");
    const targetError =
      options.targetError === undefined
        ? undefined
        : shareOf(options.targetError, "--target-error");
    const open = await openNetwork(options.model, context);
    const names = options.name ?? [];
    if (accesses.length > 0) {
      const { name: _name, host: _host, device, ...settings } = options;
      const named = names.length === 0 && device !== "local" ? [device] : names;
      const wanted = { ...settings, targetError, names: named };
      return printBoards(await profileBoards(open, accesses, wanted, context), context);
    }
    if (names.length > 1) {
      throw new UsageError({
        code: "cli/names",
        message: `This machine can't have ${names.length} names: ${names.join(", ")}.`,
        where: "--name",
        hint: "Give --name once, or a --host for each.",
      });
    }
    const result = await profileModel(open, { ...options, targetError, name: names[0] }, context);
    const { ops, ...head } = result.table;
    const document = {
      schema: "mdp-profile/1",
      path: result.tablePath,
      table: { ...head, operations: ops.length },
      validation: result.validation,
      curve: result.curve,
      reached: result.reached,
      ownCells: result.ownCells,
      resumed: result.resumed,
      seconds: result.seconds,
      load: result.load,
    } as const;
    context.json(document);
    context.print(profileText(result));
    const drawn = figure === undefined ? null : await validationSvg(document);
    if (figure !== undefined && drawn !== null) {
      writeFileAtomic(figure, drawn);
      context.print(`Drawn to ${figure}`);
    }
    return undefined;
  },
});

/** @throws UsageError `cli/no-figure` where there would be nothing to draw */
function checkFigure(figure: string, validate: number, boards: number): void {
  checkWritable(figure);
  if (validate > 0 && boards === 0) return;
  throw new UsageError({
    code: "cli/no-figure",
    message:
      boards > 0
        ? "The figure is drawn of networks that are validated on this machine, not on boards."
        : "The figure shows networks that the table is validated on, and --validate is 0.",
    where: "--figure",
    hint:
      boards > 0
        ? "Save the output of --json, and draw it with mdp report."
        : "Give --validate 20, or leave --figure out.",
  });
}

/**
 * The boards to measure on; none is this machine. A device without a host is a host that ssh knows by that name.
 * @throws UsageError `cli/device`
 */
function hostsOf(device: string, hosts: readonly string[]): readonly string[] {
  const refuse = (message: string, hint: string): never => {
    throw new UsageError({ code: "cli/device", message, where: "--device", hint });
  };
  if (device === "local") return hosts;
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(device)) {
    refuse(
      `'${device}' is no name of a device.`,
      "Use --device local for this machine, or --host user@board for one over ssh.",
    );
  }
  if (hosts.length > 1) {
    refuse(
      `One --device '${device}' can't name ${hosts.length} boards.`,
      "Leave --device out and give one --name per --host.",
    );
  }
  return hosts.length === 0 ? [device] : hosts;
}
