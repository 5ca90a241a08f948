import { cpus } from "node:os";
import { join } from "node:path";
import { UsageError } from "../core/errors.ts";
import { checkWritable } from "../core/files.ts";
import { profileLocal } from "../latency/profile-local.ts";
import { profileText } from "../report/profile-report.ts";
import { OPTIMISATIONS } from "../runtime/session.ts";
import { type Command, command } from "./command.ts";
import { openNetwork } from "./network.ts";
import { checkPositive, checkWhole } from "./numbers.ts";

/** Without this, an option whose value was forgotten would quietly be its default. */
const NEED_A_VALUE = [
  "device",
  "name",
  "batch",
  "threads",
  "precision",
  "optimisation",
  "step",
  "runs",
  "repeats",
  "max-minutes",
  "validate",
  "seed",
  "out",
];

export const profileCommand: Command = command({
  name: "profile [model]",
  describe: "Measure a network's latency table on this machine",
  examples: [
    ["mdp profile net.onnx --step 8", "measure at batch 1, one thread"],
    [
      "mdp profile net.onnx --batch 8 --step 4 --validate 20",
      "and judge it on 20 subnets left out",
    ],
  ],
  options: (yargs) =>
    yargs
      .positional("model", {
        type: "string",
        describe: "ONNX file; the embedded default without it",
      })
      .option("device", {
        type: "string",
        default: "local",
        describe: "Where to measure; local is this machine",
      })
      .option("name", {
        type: "string",
        describe: "What to call the device [cpu- and the processor's name]",
      })
      .option("batch", {
        type: "number",
        default: 1,
        describe: "Images per run",
      })
      .option("threads", {
        type: "number",
        default: 1,
        describe: "Threads inside an operation",
      })
      .option("precision", {
        type: "string",
        default: "float32",
        describe: "Of the weights",
      })
      .option("optimisation", {
        choices: OPTIMISATIONS,
        default: "all" as const,
        describe: "How far the runtime rewrites the graph; all is what users of the runtime get",
      })
      .option("step", {
        type: "number",
        default: 8,
        describe: "Multiples of channels to cover",
      })
      .option("runs", {
        type: "number",
        default: 200,
        describe: "Networks to measure",
      })
      .option("repeats", {
        type: "number",
        default: 20,
        describe: "Counted runs of each network",
      })
      .option("max-minutes", {
        type: "number",
        default: 8,
        describe: "Measure fewer networks where they take longer",
      })
      .option("validate", {
        type: "number",
        default: 0,
        describe: "Networks left out of the table to judge it on",
      })
      .option("seed", {
        type: "number",
        default: 1,
        describe: "Of the random subnets",
      })
      .option("out", {
        type: "string",
        default: ".",
        describe: "Folder for latency-tables/<device>/<network>-b<batch>.json",
      })
      .requiresArg(NEED_A_VALUE),
  run: async (options, context) => {
    if (options.device !== "local") {
      throw new UsageError({
        code: "cli/device",
        message: `'${options.device}' can't be measured from here yet.`,
        where: "--device",
        hint: "Use --device local on the device itself; --name says what to call it.",
      });
    }
    for (const name of ["batch", "threads", "step", "runs", "repeats"] as const) {
      checkWhole(options[name], `--${name}`, 1);
    }
    checkWhole(options.validate, "--validate", 0);
    checkWhole(options.seed, "--seed", 0);
    checkPositive(options.maxMinutes, "--max-minutes");
    const open = await openNetwork(options.model);
    const deviceName = options.name ?? `cpu-${slug(cpus()[0]?.model ?? "unknown")}`;
    const threads = options.threads === 1 ? "" : `-t${options.threads}`;
    const stem = join(
      options.out,
      "latency-tables",
      deviceName,
      `${open.name}-b${options.batch}${threads}`,
    );
    const tablePath = `${stem}.json`;
    checkWritable(tablePath);
    const result = await profileLocal(open.model, open.structure, {
      ...options,
      networkName: open.name,
      deviceName,
      tablePath,
      samplesPath: `${stem}.samples.jsonl`,
      command: context.commandLine,
      progress: context.progress,
      signal: context.signal,
    });
    const { ops, ...head } = result.table;
    context.json({
      schema: "mdp-profile/1",
      path: tablePath,
      table: { ...head, operations: ops.length },
      validation: result.validation,
      resumed: result.resumed,
      seconds: result.seconds,
    });
    context.print(profileText(result, tablePath));
    return undefined;
  },
});

function slug(name: string): string {
  return name
    .toLowerCase()
    .replace(/\((r|tm)\)|processor|cpu|@.*$/g, " ")
    .trim()
    .replace(/[^a-z0-9]+/g, "-");
}
