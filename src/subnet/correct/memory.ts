import type { Graph } from "../../graph/graph.ts";
import { inferShapes } from "../../graph/shapes/infer.ts";
import { elementCount } from "../../graph/tensor.ts";
import type { Segment } from "./schedule.ts";

/** Bytes that one image's values take between two segments, where they take most. */
export function peakBytesPerImage(graph: Graph, segments: readonly Segment[]): readonly number[] {
  const shapes = inferShapes(graph, { batch: 1 });
  const size = (name: string): number => 4 * elementCount(shapes.resolved(name) ?? [0]);
  return segments.map(({ keep }) => keep.reduce((sum, name) => sum + size(name), 0));
}
