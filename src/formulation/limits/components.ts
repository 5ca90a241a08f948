import { closest } from "../../core/closest.ts";
import type { IsMeant } from "../network/network-tables.ts";
import type { QuantityRef } from "./form.ts";
import type { LimitSources } from "./quantities.ts";
import { limitError, type Source } from "./source.ts";

/**
 * What belongs to a component: the layers whose names match its regular expression, or, where nobody named it, the dims
 * that the structure puts into a component of that name. Everything, without a name.
 * @throws UsageError `formulation/limit-name` where there is no such component or nothing in it
 */
export function componentOf(
  { argument, at }: QuantityRef,
  { network, components }: LimitSources,
  source: Source,
): IsMeant {
  if (argument === null) return () => true;
  const { structure } = network;
  const pattern = components.get(argument);
  if (pattern !== undefined) {
    if (structure.layers.some(({ name }) => pattern.test(name)))
      return (layer) => pattern.test(layer);
    throw limitError(
      source,
      at,
      "name",
      `Component '${argument}' has no layers: no name matches ${pattern}.`,
      "mdp inspect --layers lists the names.",
    );
  }
  const found = new Set(structure.dims.flatMap(({ component }) => component ?? []));
  if (found.has(argument)) return (_, dim) => structure.dims[dim]?.component === argument;
  const known = [...components.keys(), ...found];
  const meant = closest(argument, known);
  throw limitError(
    source,
    at,
    "name",
    `There is no component '${argument}'.${known.length === 0 ? "" : ` Components: ${known.join(", ")}.`}`,
    meant === null
      ? `Name it with a regular expression of its layers: --component ${argument}=layer4.`
      : `Did you mean '${meant}'?`,
  );
}
