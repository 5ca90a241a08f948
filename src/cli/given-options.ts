/** What was given to a command, by command line and config: its types, its values, former names, and the files it names. */
import type { Argv } from "yargs";
import { UsageError } from "../core/errors.ts";
import type { Progress } from "../core/progress.ts";

/** What each option takes. */
export type OptionTypes = ReadonlyMap<string, "string" | "number" | "boolean">;

const TYPES = ["string", "number", "boolean"] as const;

export function optionTypes(parser: Argv<unknown>): OptionTypes {
  // yargs has this method, and its types leave it out.
  const known = (
    parser as unknown as { getOptions: () => Record<(typeof TYPES)[number], string[]> }
  ).getOptions();
  return new Map(TYPES.flatMap((type) => known[type].map((name) => [name, type] as const)));
}

const TAKES = { string: "text", number: "a number", boolean: "true or false" } as const;

/** Options that a config file may give as an object: `"bind": { "height": 224 }`. */
const OBJECT_OPTIONS: ReadonlySet<string> = new Set(["bind", "components"]);

/**
 * Refuses values of another type, which only a config file can give.
 * @throws UsageError `cli/option-type`
 */
export function checkTypes(options: Readonly<Record<string, unknown>>, types: OptionTypes): void {
  for (const [name, value] of Object.entries(options)) {
    const type = OBJECT_OPTIONS.has(name) ? undefined : types.get(name);
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    const wrong = values.find((item) => item !== undefined && typeof item !== type);
    if (type === undefined || wrong === undefined) continue;
    const example = {
      string: name === "budget" ? '"50%"' : `"${wrong}"`,
      number: "8",
      boolean: "true",
    };
    throw new UsageError({
      code: "cli/option-type",
      message: `'${name}' is ${JSON.stringify(wrong)} in the config; it takes ${TAKES[type]}.`,
      where: `--${name}`,
      hint: `Write "${name}": ${example[type]}.`,
    });
  }
}

/** Options that name what a command writes. Whatever else names a file is read. */
const OUTPUT_OPTIONS: ReadonlySet<string> = new Set([
  ...["out", "write-lp", "writeLp", "graph", "figure", "csv", "junit", "card"],
  // What a release puts in place and takes back.
  ...["release", "live"],
]);

/** What options and arguments name besides outputs: files, or texts that are no file's name. */
export function filesNamed(options: Readonly<Record<string, unknown>>): readonly string[] {
  return Object.entries(options).flatMap(([name, value]) => {
    if (OUTPUT_OPTIONS.has(name) || name === "_" || name === "$0") return [];
    const values: readonly unknown[] = Array.isArray(value) ? value : [value];
    return values.filter((item) => typeof item === "string");
  });
}

/**
 * The options with former names replaced by present ones.
 * @throws UsageError `cli/given-twice` where both are given
 */
export function presentNames<Options extends Readonly<Record<string, unknown>>>(
  options: Options,
  renamed: Readonly<Record<string, string>>,
  progress: Progress,
): Options {
  const changed: Record<string, unknown> = { ...options };
  for (const [former, present] of Object.entries(renamed)) {
    const value = options[former];
    if (value === undefined) continue;
    if (wasTyped(present)) {
      throw new UsageError({
        code: "cli/given-twice",
        message: `--${former} is the former name of --${present}, and both are given.`,
        where: `--${former}`,
        hint: `Give --${present} alone.`,
      });
    }
    progress.note(`warning: --${former} is now --${present}; the former name will go in 0.3.`);
    changed[present] = value;
    changed[camelCase(present)] = value;
    delete changed[former];
    delete changed[camelCase(former)];
  }
  return changed as Options;
}

const wasTyped = (name: string): boolean =>
  process.argv.some((arg) => arg === `--${name}` || arg.startsWith(`--${name}=`));

const camelCase = (name: string): string =>
  name.replaceAll(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());

/**
 * Refuses what yargs lets through: a number that is none, an empty text, an option that was given twice.
 * @throws UsageError `cli/not-a-number`, `cli/empty-option`, `cli/given-twice`
 */
export function checkValues(
  options: Readonly<Record<string, unknown>>,
  repeatable: readonly string[],
): void {
  for (const [name, value] of Object.entries(options)) {
    // yargs has every option under its camel-case name as well, and what is no option under _ and $0.
    if (!/^[a-z][a-z-]*$/.test(name)) continue;
    const refuse = (code: string, message: string, hint: string): never => {
      throw new UsageError({ code, message, where: `--${name}`, hint });
    };
    if (Number.isNaN(value)) {
      refuse("cli/not-a-number", `--${name} needs a number.`, "Write it with digits, such as 8.");
    }
    if (value === "") {
      refuse("cli/empty-option", `--${name} is empty.`, "Give it a value, or leave it out.");
    }
    if (Array.isArray(value) && !repeatable.includes(name)) {
      refuse(
        "cli/given-twice",
        `--${name} is given ${value.length} times: ${value.join(", ")}.`,
        "Which one is meant? Give it once.",
      );
    }
  }
}
