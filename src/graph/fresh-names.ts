import type { Graph } from "./graph.ts";
import { producerOf } from "./traversal.ts";

/** Gives names that no value of the graph has and that it has not given before: the wanted one, or that with a number. */
export function freshNames(graph: Graph): (wanted: string) => string {
  const producers = producerOf(graph);
  const inputs = new Set(graph.inputs.map((value) => value.name));
  const given = new Set<string>();
  return (wanted) => {
    let name = wanted;
    const isTaken = (): boolean =>
      given.has(name) || graph.initializers.has(name) || producers.has(name) || inputs.has(name);
    for (let next = 2; isTaken(); next += 1) name = `${wanted}_${next}`;
    given.add(name);
    return name;
  };
}
