/** Ops that work along some axes and leave the others as they are. */
import type { Extent } from "../graph.ts";
import { intAttribute, intsAttribute } from "../graph.ts";
import { axisOf, type Fact, inputAt, type Rule, type Site } from "./rule.ts";

export const along: Rule<"along"> = (op, site) => {
  const data = inputAt(site, 0);
  const { type, shape } = data;
  if (shape === null) return [{ type, shape: null }];
  switch (op.opType) {
    case "TopK":
      return topK(site, shape, op.axes[0] ?? -1);
    case "GridSample": {
      const places = inputAt(site, 1).shape;
      return [{ type, shape: [...shape.slice(0, 2), ...spatial(places, shape.length - 2)] }];
    }
    case "RoiAlign":
      return [
        { type, shape: regions(site, shape, sizesOf(site, "output_height", "output_width")) },
      ];
    case "MaxRoiPool":
      return [{ type, shape: regions(site, shape, intsAttribute(site.node, "pooled_shape", [])) }];
    case "MaxUnpool":
      return [{ type, shape: unpooled(site, shape) }];
    default:
      return [data];
  }
};

// Before opset 10 the number of elements is an attribute.
function topK(site: Site, shape: readonly Extent[], axis: number): readonly Fact[] {
  const { type } = inputAt(site, 0);
  const along = axisOf(axis, shape.length, site.node);
  const given = intAttribute(site.node, "k", -1);
  const count = given >= 0 ? given : (site.valuesAt(1)?.[0] ?? null);
  const result = shape.map((extent, index) => (index === along ? count : extent));
  return [
    { type, shape: result },
    { type: "int64", shape: result },
  ];
}

/** The grid is [batch, places..., coordinates]. */
function spatial(grid: readonly Extent[] | null, rank: number): readonly Extent[] {
  return Array.from({ length: rank }, (_, axis) => grid?.[axis + 1] ?? null);
}

function sizesOf(site: Site, ...names: readonly string[]): readonly number[] {
  return names.map((name) => intAttribute(site.node, name, 1));
}

function regions(
  site: Site,
  shape: readonly Extent[],
  sizes: readonly number[],
): readonly Extent[] {
  const count = inputAt(site, 1).shape?.[0] ?? null;
  return [count, shape[1] ?? null, ...sizes];
}

function unpooled(site: Site, shape: readonly Extent[]): readonly Extent[] {
  const given = site.valuesAt(2);
  if (given !== null) return given;
  if (inputAt(site, 2).shape !== null) return shape.map(() => null);
  const kernel = intsAttribute(site.node, "kernel_shape", []);
  const strides = intsAttribute(
    site.node,
    "strides",
    kernel.map(() => 1),
  );
  const pads = intsAttribute(
    site.node,
    "pads",
    kernel.flatMap(() => [0, 0]),
  );
  return shape.map((extent, axis) => {
    const at = axis - 2;
    const [size, stride, begin, end] = [
      kernel[at],
      strides[at],
      pads[at],
      pads[at + kernel.length],
    ];
    if (at < 0) return extent;
    if (typeof extent !== "number" || size === undefined || stride === undefined) return null;
    return (extent - 1) * stride - (begin ?? 0) - (end ?? 0) + size;
  });
}
