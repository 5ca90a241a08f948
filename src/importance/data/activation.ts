import type { Model } from "../../onnx/model.ts";
import type { Session } from "../../runtime/session.ts";
import type { Structure } from "../../structure/structure.ts";
import { perUnit } from "../per-unit.ts";
import { addTo, type Scorer } from "./collect.ts";
import { extend } from "./extend.ts";
import { feedsOf, openGraph } from "./feed.ts";
import { activationPoint } from "./points.ts";

/** Mean |a| of every unit over images and positions, a being the value behind the activation function. */
export async function activationScorer(
  model: Model,
  structure: Structure,
  threads: number,
): Promise<Scorer> {
  const { graph } = structure;
  const extension = extend(graph);
  const watched = structure.layers.map((layer) => {
    const point = activationPoint(structure, layer);
    const sizes = extension.node("Abs", [point.value]);
    const total = extension.output(extension.sumBut(sizes, point.shape.length, [point.axis]));
    const units = point.shape[point.axis] ?? 0;
    const positions = point.shape.reduce((product, extent) => product * extent, 1) / units;
    return { layer, point, total, positions, sum: new Float64Array(units) };
  });
  const session: Session = await openGraph(model, extension.graph(), threads);
  return {
    sums: new Map(watched.map(({ layer, sum }) => [layer.name, sum])),
    add: async (batch) => {
      const outputs = await session.run(feedsOf(graph, batch));
      for (const { total, sum } of watched) addTo(sum, outputs[total]?.data);
    },
    scoresOf: (index, { images }) => {
      const found = watched[index];
      if (found === undefined) return null;
      const { point, sum, positions } = found;
      const means = sum.map((total) => total / (images * positions));
      return perUnit(structure, structure.axis(point.value, point.axis), means);
    },
    close: () => session.close(),
  };
}
