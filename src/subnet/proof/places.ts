import type { Graph, Node, Value } from "../../graph/graph.ts";
import { inferShapes } from "../../graph/shapes/infer.ts";
import { namesCaptured, producerOf } from "../../graph/traversal.ts";
import type { Structure } from "../../structure/structure.ts";
import { floatForm } from "../float-form.ts";
import { fedValues } from "./inputs.ts";

/**
 * A value that both networks compute and that is compared: the output of an op that reads parameters which surgery may slice
 * (a layer's weight, a normalisation's statistics, a scale). A **segment** is what lies between such values.
 */
export interface Place {
  readonly name: string;
  readonly type: "float32" | "float64";
  /** Names of the constants that its op reads. */
  readonly parameters: readonly string[];
  /** The axis with prunable units; null: compared as a whole. */
  readonly unitAxis: number | null;
}

/** The places of a cut, in the order of the original's nodes, as they are in float form. */
export function placesOf(structure: Structure, cut: Graph): readonly Place[] {
  const left = producerOf(cut);
  const types = inferShapes(floatForm(structure.graph), { batch: batchOf(structure) });
  const captured = new Set(cut.nodes.flatMap(capturedBy));
  const weights = new Map(structure.layers.map((layer) => [layer.id, layer.weight.name]));
  const fed = fedValues(structure.graph);
  return structure.graph.nodes.flatMap((node): readonly Place[] => {
    const [name = ""] = node.outputs;
    if (!fed.has(name) || left.get(name)?.opType !== node.opType || captured.has(name)) return [];
    const weight = weights.get(name);
    const sliced = node.inputs.filter((input) => !fed.has(input) && hasDim(structure, input));
    const parameters = [...new Set(weight === undefined ? sliced : [weight, ...sliced])];
    const type = types.of(name)?.type ?? "other";
    if (parameters.length === 0) return [];
    // What is not known to be of another type is float32, as weights are in float form.
    if (type !== "float32" && type !== "float64" && type !== "other") return [];
    const unitAxis = unitAxisOf(structure, name);
    return [{ name, type: type === "float64" ? type : "float32", parameters, unitAxis }];
  });
}

function capturedBy(node: Node): readonly string[] {
  return [...node.attributes.values()].flatMap((attribute) =>
    attribute.kind === "graph" ? namesCaptured(attribute.value) : [],
  );
}

function hasDim(structure: Structure, name: string): boolean {
  return unitAxisOf(structure, name) !== null;
}

/** The first axis on which a dim lies. */
function unitAxisOf(structure: Structure, name: string): number | null {
  const rank = structure.shapes.of(name)?.length ?? 0;
  for (let axis = 0; axis < rank; axis += 1) {
    if (structure.axis(name, axis) !== null) return axis;
  }
  return null;
}

/** The batch that the structure was found with. */
function batchOf(structure: Structure): number {
  return structure.shapes.of(structure.graph.inputs[0]?.name ?? "")?.[0] ?? 1;
}

/** The graph with the places as further outputs. */
export function observed(graph: Graph, places: readonly Place[]): Graph {
  const known = new Set(graph.outputs.map((value) => value.name));
  const added = places.flatMap(({ name, type }): readonly Value[] =>
    known.has(name) ? [] : [{ name, type, shape: null }],
  );
  return { ...graph, outputs: [...graph.outputs, ...added] };
}

/** What a place is fed under in a segmented graph. */
export function givenName(place: string): string {
  return `${place}::given`;
}

/**
 * The graph cut into segments: whatever reads a place reads an input of its own instead, so that each segment can be given
 * the same values in two networks, and no error travels from one segment to the next.
 */
export function segmented(graph: Graph, places: readonly Place[]): Graph {
  const given = new Map(places.map(({ name }) => [name, givenName(name)]));
  const nodes = graph.nodes.map((node) => {
    const inputs = node.inputs.map((name) => given.get(name) ?? name);
    const same = inputs.every((name, index) => name === node.inputs[index]);
    return same ? node : { ...node, inputs };
  });
  const inputs = places.map(({ name, type }) => ({ name: givenName(name), type, shape: null }));
  return { ...observed(graph, places), nodes, inputs: [...graph.inputs, ...inputs] };
}
