import type { Argv } from "yargs";
import { UsageError } from "../core/errors.ts";
import type { LimitRequest } from "../formulation/limits/request.ts";
import { regularExpression } from "./network.ts";

/** The options that say what a subnet must keep to, besides its budget. */
export interface LimitOptions {
  readonly limit: string[] | undefined;
  readonly soft: string[] | undefined;
  readonly penalty: string[] | undefined;
  readonly minimize: string | undefined;
  readonly component: string[] | undefined;
  readonly components: unknown;
}

/** Those of them that may come more than once. */
export const REPEATABLE_LIMITS = ["limit", "soft", "penalty", "component"] as const;

/** Adds the options. Each takes one expression; it may come several times, or be a list in a config file. */
export function limitOptions<Before>(yargs: Argv<Before>): Argv<Before & LimitOptions> {
  const several = { type: "string", array: true, nargs: 1, requiresArg: true } as const;
  return yargs
    .option("limit", {
      ...several,
      describe: 'Must hold: "params <= 50%", "latency(\'jetson-nano\') <= 12 ms" (repeatable)',
    })
    .option("soft", {
      ...several,
      describe: "May be exceeded at the price of its --penalty (repeatable)",
    })
    .option("penalty", {
      ...several,
      describe: 'Importance lost beyond a --soft: "2% per 0.1M" (repeatable)',
    })
    .option("minimize", {
      type: "string",
      requiresArg: true,
      describe: "latency, params, macs, bytes or memory as small as --limit lets them",
    })
    .option("component", {
      ...several,
      describe: "A part of the network by its layers: head=fc.* (repeatable)",
    })
    .option("components", { hidden: true, describe: "The same as an object, in a config file" });
}

/** What yargs hands over. A config file may name components as an object as well. */
export interface GivenLimits {
  readonly limit?: unknown;
  readonly soft?: unknown;
  readonly penalty?: unknown;
  readonly minimize?: string | undefined;
  readonly component?: unknown;
  readonly components?: unknown;
}

export function limitRequest(given: GivenLimits): LimitRequest {
  return {
    limit: textsOf(given.limit, "--limit"),
    soft: textsOf(given.soft, "--soft"),
    penalty: textsOf(given.penalty, "--penalty"),
    minimize: given.minimize ?? null,
  };
}

/**
 * The components by name.
 * @throws UsageError `cli/component`, `cli/regular-expression`
 */
export function componentsOf(given: GivenLimits): ReadonlyMap<string, RegExp> {
  const components = new Map<string, RegExp>();
  const add = (name: string, pattern: string): void => {
    if (components.has(name)) throw badComponent(name, `Component '${name}' is named twice.`);
    const expression = regularExpression(pattern, `--component ${name}`);
    if (expression !== null) components.set(name, expression);
  };
  for (const text of textsOf(given.component, "--component")) {
    const at = text.indexOf("=");
    if (at < 1 || at === text.length - 1) {
      throw badComponent(text, `'${text}' is no component.`);
    }
    add(text.slice(0, at).trim(), text.slice(at + 1));
  }
  const { components: named = {} } = given;
  if (typeof named !== "object" || named === null || Array.isArray(named)) {
    throw badComponent("components", "Components of a config file are no object.");
  }
  for (const [name, pattern] of Object.entries(named)) add(name, String(pattern));
  return components;
}

function badComponent(where: string, message: string): UsageError {
  return new UsageError({
    code: "cli/component",
    message,
    where: `--component ${where}`,
    hint: "Write a name and a regular expression of layers' names: --component head=fc.*",
  });
}

function textsOf(value: unknown, option: string): readonly string[] {
  const list = value === undefined ? [] : Array.isArray(value) ? value : [value];
  return list.map((item: unknown) => {
    if (typeof item === "string" && item.trim() !== "") return item;
    throw new UsageError({
      code: "cli/empty-option",
      message: `${option} needs an expression; it is ${JSON.stringify(item)}.`,
      where: option,
      hint: `Write ${option} "params <= 50%", say.`,
    });
  });
}
