#!/usr/bin/env node
import { readFileSync } from "node:fs";
import { join } from "node:path";
import yargs from "yargs";
import { hideBin } from "yargs/helpers";
import { EXIT, UsageError } from "../core/errors.ts";
import { packageRoot, readJson } from "../core/files.ts";
import { type Command, reportError } from "./command.ts";
import { calibrateCommand } from "./commands/calibrate.ts";
import { compareCommand } from "./commands/compare.ts";
import { correctCommand } from "./commands/correct.ts";
import { dataCommand } from "./commands/data.ts";
import { devicesCommand } from "./commands/devices.ts";
import { diffCommand } from "./commands/diff.ts";
import { doctorCommand } from "./commands/doctor.ts";
import { evalCommand } from "./commands/eval.ts";
import { explainCommand } from "./commands/explain.ts";
import { exportCommand } from "./commands/export.ts";
import { finetuneCommand } from "./commands/finetune.ts";
import { importCommand } from "./commands/import.ts";
import { importWeightsCommand } from "./commands/import-weights.ts";
import { inspectCommand } from "./commands/inspect.ts";
import { predictCommand } from "./commands/predict.ts";
import { profileCommand } from "./commands/profile.ts";
import { pruneCommand } from "./commands/prune.ts";
import { rolloutCommand } from "./commands/rollout.ts";
import { scoreCommand } from "./commands/score.ts";
import { solveCommand } from "./commands/solve.ts";
import { sparsifyCommand } from "./commands/sparsify.ts";
import { sweepCommand } from "./commands/sweep.ts";
import { tableCommand } from "./commands/table.ts";
import { trainCommand } from "./commands/train.ts";

const COMMANDS: readonly Command[] = [
  inspectCommand,
  dataCommand,
  scoreCommand,
  profileCommand,
  predictCommand,
  solveCommand,
  sweepCommand,
  explainCommand,
  diffCommand,
  exportCommand,
  correctCommand,
  sparsifyCommand,
  finetuneCommand,
  trainCommand,
  evalCommand,
  pruneCommand,
  rolloutCommand,
  calibrateCommand,
  compareCommand,
  importCommand,
  importWeightsCommand,
  devicesCommand,
  tableCommand,
  doctorCommand,
];

const version = (
  JSON.parse(readFileSync(join(packageRoot(), "package.json"), "utf8")) as { version: string }
).version;

// A reader that closes the pipe early (head, less) is no error.
process.stdout.on("error", (error: NodeJS.ErrnoException) => {
  if (error.code === "EPIPE") process.exit(EXIT.done);
  throw error;
});

/** An error is handed back, not thrown, and yargs keeps its message alone: that names the file. */
function readConfig(path: string): object {
  try {
    const read = readJson(path);
    if (typeof read === "object" && read !== null && !Array.isArray(read)) return read;
    return new Error(`Config ${path} holds no options: write { "budget": "50%" }, say.`);
  } catch (error) {
    const what = error instanceof Error ? error.message : String(error);
    return new Error(`Config ${path}: ${what}`);
  }
}

function usageError(message: string): UsageError {
  return new UsageError({ code: "cli/usage", message, hint: "See mdp <command> --help." });
}

const parser = yargs(hideBin(process.argv))
  .scriptName("mdp")
  .usage(
    "$0 <command>\n\nPrune a vision network to a latency budget: which channels, layers and blocks stay.",
  )
  .option("json", { type: "boolean", describe: "Print one JSON document and nothing else" })
  .option("quiet", { type: "boolean", describe: "No progress on standard error" })
  .config("config", "A JSON file with any of the options", readConfig)
  .version(version)
  .strict()
  .demandCommand(1, "Which command?")
  .recommendCommands()
  .wrap(Math.min(110, process.stdout.columns ?? 110))
  .exitProcess(false)
  .fail((message, error) => {
    throw error === undefined || error.name === "YError" ? usageError(message) : error;
  });

try {
  for (const add of COMMANDS) add(parser);
  await parser.parseAsync();
} catch (error) {
  process.exitCode = reportError(error, process.argv.includes("--json"));
}
