import { UsageError } from "../../core/errors.ts";
import type { LimitRequest } from "../../formulation/limits/request.ts";
import { regularExpression } from "../checks.ts";

/** Limits as they are given: each a text or a list of texts; components as texts or, from a config file, as an object. */
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

/** A share of zeros as the limit that it is. */
export function withShareOfZeros(limits: LimitRequest, sparsity: number): LimitRequest {
  // With twelve digits: a share that people write survives.
  const share = Number((100 * (1 - sparsity)).toPrecision(12));
  return { ...limits, limit: [`nonzeros <= ${share}%`, ...limits.limit] };
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
