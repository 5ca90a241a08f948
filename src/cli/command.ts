/**
 * How a command is written. One file per command in commands/ exports one `Command` made by `command(...)`, which main.ts lists:
 *
 *   export const inspectCommand = command({
 *     name: "inspect [model]",
 *     describe: "Show what can be pruned in a network",
 *     examples: [["mdp inspect resnet.onnx", "dims, layers and blocks as tables"]],
 *     options: (yargs) => yargs.positional("model", { type: "string" }).option("dims", { type: "boolean" }),
 *     run: async (options, context) => { ... },
 *   });
 *
 * Results go to `context.print` (people) or `context.json` (one document, when `context.wantsJson`), progress to
 * `context.progress`; failures are thrown as MdpError and become an exit code in main.ts. A command composes what the
 * rooms offer; whatever could be of use without a command line belongs into a room.
 */

import type { ArgumentsCamelCase, Argv, CommandModule } from "yargs";
import { EXIT, type ExitCode, InputError, MdpError } from "../core/errors.ts";
import { guardInputs } from "../core/guarded-files.ts";
import { quotedWord } from "../core/shell-words.ts";
import type { RunContext } from "../pipeline/run-context.ts";
import {
  checkTypes,
  checkValues,
  filesNamed,
  type OptionTypes,
  optionTypes,
  presentNames,
} from "./given-options.ts";
import { bindings } from "./options/bindings.ts";
import { eventText } from "./print-event.ts";
import { type ScreenProgress, screenProgress } from "./progress.ts";

/** What a command has around it: the run, and where its results are printed. */
export interface Context extends RunContext {
  /** True with `--json`: print nothing but one document through `json`. */
  readonly wantsJson: boolean;
  /** A line (or several) for people, on standard output. Says nothing with `--json`. */
  readonly print: (text: string) => void;
  /** The one JSON document of `--json`, on standard output. Says nothing without `--json`. */
  readonly json: (document: unknown) => void;
}

export interface CommonOptions {
  readonly json?: boolean | undefined;
  readonly quiet?: boolean | undefined;
}

export interface CommandDefinition<Options> {
  readonly name: string;
  readonly describe: string;
  readonly examples: readonly (readonly [string, string])[];
  readonly options: (yargs: Argv<CommonOptions>) => Argv<Options>;
  /** Former names of options and their present ones; a former name works for one more version, and warns. */
  readonly renamed?: Readonly<Record<string, keyof Options & string>>;
  /** It takes a model by an option; commands that name one as `[model]` need not say so. */
  readonly takesModel?: true;
  /** Options that may come more than once. */
  readonly repeatable?: readonly (keyof Options & string)[];
  readonly run: (
    options: ArgumentsCamelCase<Options>,
    context: Context,
  ) => Promise<ExitCode | undefined>;
}

/** Adds a command to a parser, by its usual name or as the parser's own: `$0 [model]`. */
export type Command = (parser: Argv<CommonOptions>, name?: string) => void;

/** Makes a command of a definition; its handler sets the exit code and never throws. */
export function command<Options>(definition: CommandDefinition<Options>): Command {
  const examples = definition.examples.map(([line, text]): [string, string] => [line, text]);
  let types: OptionTypes = new Map();
  const module: CommandModule<CommonOptions, Options> = {
    command: definition.name,
    describe: definition.describe,
    builder: (yargs) => {
      const parser = withBind(definition, yargs).example(examples);
      for (const former of Object.keys(definition.renamed ?? {})) {
        parser.option(former, { hidden: true, requiresArg: true });
      }
      types = optionTypes(parser);
      return parser;
    },
    handler: async (given) => {
      const run = (context: Context): Promise<ExitCode | undefined> => {
        const options = presentNames(given, definition.renamed ?? {}, context.progress);
        checkTypes(options, types);
        checkValues(options, ["bind", ...(definition.repeatable ?? [])]);
        if (options["force"] !== true) guardInputs(filesNamed(options));
        return definition.run(options, context);
      };
      const options = given;
      process.exitCode = await execute(run, {
        json: options["json"] === true,
        quiet: options["quiet"] === true,
        bind: options["bind"],
      });
    },
  };
  return (parser, name = definition.name) => {
    parser.command({ ...module, command: name });
  };
}

/** The options of a command; one that takes a model may give lengths to its open axes. */
function withBind<Options>(
  definition: CommandDefinition<Options>,
  yargs: Argv<CommonOptions>,
): Argv<Options> {
  const own = definition.options(yargs);
  if (definition.takesModel !== true && !definition.name.includes("[model]")) return own;
  own.option("bind", {
    type: "string",
    array: true,
    requiresArg: true,
    describe: "Length of a named input axis, as name=number (repeatable)",
  });
  return own;
}

interface Flags {
  readonly json: boolean;
  readonly quiet: boolean;
  /** As `--bind` or the config file has it. */
  readonly bind: unknown;
}

async function execute(
  run: (context: Context) => Promise<ExitCode | undefined>,
  flags: Flags,
): Promise<ExitCode> {
  const abort = new AbortController();
  const onInterrupt = (): void => {
    // The second Ctrl-C doesn't wait for a tidy end.
    if (abort.signal.aborted) process.exit(EXIT.interrupted);
    abort.abort();
    process.stderr.write("\nStopping; press Ctrl-C again to stop at once.\n");
  };
  process.on("SIGINT", onInterrupt);
  process.on("SIGTERM", onInterrupt);
  const progress = screenProgress(process.stderr);
  try {
    const code = await run(contextFor(flags, progress, abort.signal));
    return code ?? EXIT.done;
  } catch (error) {
    progress.close();
    return reportError(error, flags.json);
  } finally {
    progress.close();
    process.off("SIGINT", onInterrupt);
    process.off("SIGTERM", onInterrupt);
  }
}

function contextFor(flags: Flags, progress: ScreenProgress, signal: AbortSignal): Context {
  const print = (text: string): void => {
    if (flags.json) return;
    progress.close();
    process.stdout.write(`${text.replaceAll(/ +$/gm, "")}\n`);
  };
  return {
    wantsJson: flags.json,
    bind: bindings(flags.bind),
    print,
    onEvent: (event) => print(eventText(event)),
    json: (document) => {
      if (flags.json) process.stdout.write(`${JSON.stringify(document, null, 2)}\n`);
    },
    progress: flags.quiet ? { step: () => {}, note: () => {} } : progress,
    signal,
    commandLine: ["mdp", ...process.argv.slice(2)].map(quotedWord).join(" "),
  };
}

/** A path with a null byte, from a config or a document, which Node refuses before any file is looked for; null for other errors. */
function withNullByte(error: unknown): InputError | null {
  const isNullByte =
    error instanceof TypeError &&
    (error as NodeJS.ErrnoException).code === "ERR_INVALID_ARG_VALUE" &&
    error.message.includes("null byte");
  return isNullByte
    ? new InputError({
        code: "cli/null-byte",
        message: "A path holds a null byte, which no file's name can.",
        hint: "Check the paths in the config and in the JSON files that were named.",
      })
    : null;
}

/** Prints an error for people on standard error (and as the document of `--json`) and gives its exit code. */
export function reportError(error: unknown, wantsJson: boolean): ExitCode {
  const known = error instanceof MdpError ? error : withNullByte(error);
  const exitCode = known?.exitCode ?? EXIT.internal;
  const message = error instanceof Error ? error.message : String(error);
  const lines = [`error: ${message}`];
  if (known?.where !== undefined) lines.push(`  where: ${known.where}`);
  if (known?.hint !== undefined) lines.push(`  fix:   ${known.hint}`);
  if (known === null) {
    lines.push(
      "  This is a fault of mdp itself. Run again with MDP_DEBUG=1 and report what it prints.",
    );
  }
  if (process.env["MDP_DEBUG"] !== undefined && error instanceof Error) {
    for (let at: unknown = error; at instanceof Error; at = at.cause) lines.push(at.stack ?? "");
  }
  process.stderr.write(`${lines.join("\n")}\n`);
  if (wantsJson) {
    const { where = null, hint = null, code = "internal" } = known ?? {};
    process.stdout.write(
      `${JSON.stringify({ error: { code, message, where, hint, exitCode } }, null, 2)}\n`,
    );
  }
  return exitCode;
}
