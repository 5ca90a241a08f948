import { closest } from "../../core/closest.ts";
import type { NodeId } from "../../graph/graph.ts";
import { componentOfNodes } from "../../structure/components/nodes.ts";
import { withComponents } from "../../structure/find-structure.ts";
import type { Structure } from "../../structure/structure.ts";
import type { QuantityRef } from "./form.ts";
import type { LimitSources } from "./quantities.ts";
import { limitError, type Source } from "./source.ts";

/** What belongs to a part of the network. */
export interface Part {
  readonly hasLayer: (name: string) => boolean;
  readonly hasNode: (id: NodeId) => boolean;
}

const EVERYTHING: Part = { hasLayer: () => true, hasNode: () => true };

/**
 * What belongs to a component, named by hand or found in the network. Everything, without a name. A component by hand is the
 * layers whose names match its regular expression; nodes without weights of their own belong where the nearest layer does.
 * @throws UsageError `formulation/limit-name` where there is no such component or nothing in it
 */
export function componentOf(
  { argument, at }: QuantityRef,
  { network, components }: Pick<LimitSources, "network" | "components">,
  source: Source,
): Part {
  if (argument === null) return EVERYTHING;
  const { structure } = network;
  const pattern = components.get(argument);
  if (pattern !== undefined) {
    if (structure.layers.some(({ name }) => pattern.test(name)))
      return partOf(withComponents(structure, new Map([[argument, pattern]])), argument);
    throw limitError(
      source,
      at,
      "name",
      `Component '${argument}' has no layers: no name matches ${pattern}.`,
      "mdp inspect --layers lists the names.",
    );
  }
  const found = structure.components.map(({ name }) => name);
  if (found.includes(argument)) return partOf(structure, argument);
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

function partOf(structure: Structure, name: string): Part {
  const index = structure.components.findIndex((component) => component.name === name);
  const layers = new Set(
    structure.components[index]?.layers.flatMap((at) => structure.layers[at]?.name ?? []),
  );
  const nodes = componentOfNodes(structure);
  return {
    hasLayer: (layer) => layers.has(layer),
    hasNode: (id) => nodes.get(id) === index,
  };
}
