import { readFileSync } from "node:fs";
import { join } from "node:path";
import yargs, { type Argv } from "yargs";
import { closest } from "../core/closest.ts";
import { EXIT, UsageError } from "../core/errors.ts";
import { packageRoot, readJson } from "../core/files.ts";
import { type CommonOptions, reportError } from "./command.ts";
import { LISTED_COMMANDS, type ListedCommand } from "./command-list.ts";
import { helpText } from "./help.ts";

/** Runs the command line. Sets the exit code of the process, and never throws. */
export async function main(args: readonly string[]): Promise<void> {
  // A reader that closes the pipe early (head, less) is no error.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(EXIT.done);
    throw error;
  });
  try {
    const words = args.filter((arg) => !arg.startsWith("-"));
    const asksForHelp = args.length === 0 || args.every((arg) => /^(-h|--help|help)$/.test(arg));
    if (asksForHelp) {
      process.stdout.write(helpText(process.stdout.columns ?? 110));
      return;
    }
    if (words[0] === "completion" || args.includes("--get-yargs-completions")) {
      const { complete } = await import("./completion.ts");
      await complete(args);
      return;
    }
    const called = calledCommand(words);
    if (called === null) throw unknownCommand(words[0]);
    const rest = args[0] === "help" ? [...args.slice(1), "--help"] : args;
    await run(called, rest);
  } catch (error) {
    process.exitCode = reportError(error, args.includes("--json"));
  }
}

/** The first word that is a command: what stands before it is the value of an option. */
function calledCommand(words: readonly string[]): ListedCommand | null {
  for (const word of words) {
    const found = LISTED_COMMANDS.find((listed) => listed.word === word);
    if (found !== undefined) return found;
  }
  return null;
}

function unknownCommand(word: string | undefined): UsageError {
  const names = LISTED_COMMANDS.map((listed) => listed.word);
  if (word === undefined) {
    return new UsageError({
      code: "cli/usage",
      message: "Which command?",
      hint: "mdp --help lists them.",
    });
  }
  const meant = closest(word, names);
  return new UsageError({
    code: "cli/usage",
    message: `There is no command '${word}'.`,
    hint: meant === null ? "mdp --help lists the commands." : `Did you mean mdp ${meant}?`,
  });
}

async function run(called: ListedCommand, args: readonly string[]): Promise<void> {
  await (await parserOf(called, args, Math.min(110, process.stdout.columns ?? 110))).parseAsync();
}

/** What `mdp COMMAND --help` prints, as wide as given. */
export async function commandHelp(called: ListedCommand, columns: number): Promise<string> {
  const args = [called.word, "--help"];
  const parser = await parserOf(called, args, columns);
  let text = "";
  await parser.parseAsync(parsedArgs(called, args), {}, (_error, _argv, output) => {
    text = output;
  });
  return text;
}

/**
 * Whether the command is the parser's own, rather than one that it finds by its word: yargs renders the help of any other after it has
 * started it, which takes a tenth of a second. Its own command can't have arguments that help calls required.
 */
function isOwn({ word, usage }: ListedCommand, args: readonly string[]): boolean {
  return args[0] === word && !usage.includes("<");
}

function parsedArgs(called: ListedCommand, args: readonly string[]): string[] {
  return args.slice(isOwn(called, args) ? 1 : 0);
}

async function parserOf(
  called: ListedCommand,
  args: readonly string[],
  columns: number,
): Promise<Argv<CommonOptions>> {
  const own = isOwn(called, args);
  const parser = yargs(parsedArgs(called, args))
    .scriptName(own ? `mdp ${called.word}` : "mdp")
    // Messages are in English, like everything else; errors are recognised by their text below.
    .locale("en")
    .option("json", { type: "boolean", describe: "Print one JSON document and nothing else" })
    .option("force", { type: "boolean", describe: "Allow outputs to replace files that are read" })
    .option("quiet", { type: "boolean", describe: "Print no progress on standard error" })
    .config("config", "A JSON file with any of the options", readConfig)
    .version(packageVersion())
    .alias("version", "v")
    .help()
    .alias("help", "h")
    .strict()
    .demandCommand(own ? 0 : 1, "Which command?")
    .wrap(columns)
    .exitProcess(false)
    .fail((message, error) => {
      const isOurs = error !== undefined && error.name !== "YError";
      throw isOurs ? error : usageError(message, called, optionNames(parser), configOf(args));
    });
  const add = await called.load();
  add(parser, own ? called.usage.replace(called.word, "$0") : called.usage);
  return parser;
}

function packageVersion(): string {
  const text = readFileSync(join(packageRoot(), "package.json"), "utf8");
  return (JSON.parse(text) as { readonly version: string }).version;
}

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

/** The config file that is named, and the options that it holds. */
function configOf(
  args: readonly string[],
): { readonly path: string; readonly options: ReadonlySet<string> } | null {
  const at = args.findIndex((arg) => arg === "--config" || arg.startsWith("--config="));
  const path = args[at]?.startsWith("--config=")
    ? args[at].slice("--config=".length)
    : args[at + 1];
  if (at < 0 || path === undefined) return null;
  try {
    return { path, options: new Set(Object.keys(readJson(path) as object)) };
  } catch {
    return null;
  }
}

/** Names of all options that the parser knows. Its type leaves out how to ask for them. */
function optionNames(parser: unknown): readonly string[] {
  const asked = parser as {
    readonly getOptions?: () => { readonly key?: Readonly<Record<string, unknown>> };
  };
  const { key = {} } = asked.getOptions?.() ?? {};
  return Object.keys(key).filter((name) => name.length > 1 && !/[A-Z]/.test(name));
}

const UNKNOWN = /^Unknown arguments?: (.*)$/;

/** What is wrong with the options, by the command's name, with the nearest option and the config file where there is one. */
function usageError(
  message: string,
  { word }: ListedCommand,
  known: readonly string[],
  config: ReturnType<typeof configOf>,
): UsageError {
  const help = `See mdp ${word} --help.`;
  const [, list] = UNKNOWN.exec(message) ?? [];
  // yargs names an unknown --max-x twice, as it is and as maxX.
  const names = (list?.split(", ") ?? []).filter((name) => !/[A-Z]/.test(name));
  const [first] = names;
  if (first === undefined) return new UsageError({ code: "cli/usage", message, hint: help });
  const isInConfig = config?.options.has(first) === true;
  const isOption = isInConfig || process.argv.some((arg) => arg.startsWith(`--${first}`));
  const meant = isOption ? closest(first, known) : null;
  const shown = names.map((name) => (isOption ? `--${name}` : `'${name}'`)).join(", ");
  return new UsageError({
    code: "cli/usage",
    message: isOption
      ? `mdp ${word} has no option ${shown}.`
      : `mdp ${word} doesn't know what to do with ${shown}.`,
    ...(isInConfig ? { where: `config ${config?.path}` } : {}),
    hint: meant === null ? help : `Did you mean --${meant}? ${help}`,
  });
}
