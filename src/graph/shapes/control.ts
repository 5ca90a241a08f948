/** If, Loop and Scan: shapes of what their subgraphs give (ONNX operators, If, Loop, Scan). */
import { type Extent, type Graph, intAttribute, intsAttribute } from "../graph.ts";
import { type Fact, inputAt, type Rule, type Site, UNKNOWN } from "./rule.ts";

export const control: Rule<"control"> = (op, site) => {
  switch (op.opType) {
    case "If":
      return conditional(site);
    case "Loop":
      return loop(site);
    default:
      return scan(site);
  }
};

function bodyOf(site: Site, name: string): Graph | null {
  const attribute = site.node.attributes.get(name);
  return attribute?.kind === "graph" ? attribute.value : null;
}

/** What both branches agree on, or those of the branch that is always taken. */
function conditional(site: Site): readonly Fact[] {
  const [yes, no] = ["then_branch", "else_branch"].map((name) => bodyOf(site, name));
  const condition = site.valuesAt(0)?.[0];
  const taken = (body: Graph | null | undefined): readonly Fact[] =>
    body ? site.inside(body, []) : [];
  if (typeof condition === "number") return taken(condition === 0 ? no : yes);
  const [left, right] = [taken(yes), taken(no)];
  return site.node.outputs.map((_, index) =>
    common(left[index] ?? UNKNOWN, right[index] ?? UNKNOWN),
  );
}

/** What holds whichever of two facts does. */
function common(left: Fact, right: Fact): Fact {
  const type = left.type === right.type ? left.type : null;
  if (left.shape === null || right.shape === null || left.shape.length !== right.shape.length) {
    return { type, shape: null };
  }
  const other = right.shape;
  return {
    type,
    shape: left.shape.map((extent, axis) => (extent === other[axis] ? extent : null)),
  };
}

/** Inputs: trip count, condition, carried values; the body gives a condition, the carried values, and one row per scan output. */
function loop(site: Site): readonly Fact[] {
  const body = bodyOf(site, "body");
  if (body === null) return site.node.outputs.map(() => UNKNOWN);
  const heads: readonly Fact[] = [
    { type: "int64", shape: [] },
    { type: "bool", shape: [] },
  ];
  let carried: readonly Fact[] = site.inputs.slice(2);
  let results: readonly Fact[] = [];
  // An extent that changes from one turn to the next is unknown; a second change would be in another extent.
  for (let turn = 0; turn < 4; turn += 1) {
    results = site.inside(body, [...heads, ...carried]).slice(1);
    const next = carried.map((fact, index) => common(fact, results[index] ?? UNKNOWN));
    if (next.every((fact, index) => sameFact(fact, carried[index] ?? UNKNOWN))) break;
    carried = next;
  }
  const condition = site.valuesAt(1)?.[0];
  const trips = site.valuesAt(0)?.[0] ?? null;
  // Only a loop without a condition of its own runs all its turns.
  const rows = site.node.inputs[1] === "" || condition === undefined ? trips : null;
  const scanned = results.slice(carried.length).map((fact) => ({
    type: fact.type,
    shape: fact.shape === null ? null : [rows, ...fact.shape],
  }));
  return [...carried, ...scanned];
}

function sameFact(left: Fact, right: Fact): boolean {
  return left.type === right.type && String(left.shape) === String(right.shape);
}

/** Inputs: states, then what is scanned along an axis; the body gives the states, then one slice per scan output. */
function scan(site: Site): readonly Fact[] {
  const body = bodyOf(site, "body");
  const scanned = intAttribute(site.node, "num_scan_inputs", 0);
  if (body === null || scanned === 0) return site.node.outputs.map(() => UNKNOWN);
  const states = site.inputs.length - scanned;
  const axes = intsAttribute(site.node, "scan_input_axes", new Array<number>(scanned).fill(0));
  let rows: Extent = null;
  const slices = Array.from({ length: scanned }, (_, index): Fact => {
    const { type, shape } = inputAt(site, states + index);
    if (shape === null) return { type, shape: null };
    const named = axes[index] ?? 0;
    const axis = named < 0 ? named + shape.length : named;
    rows ??= shape[axis] ?? null;
    return { type, shape: shape.filter((_extent, at) => at !== axis) };
  });
  const results = site.inside(body, [...site.inputs.slice(0, states), ...slices]);
  const given = results.length - states;
  const places = intsAttribute(site.node, "scan_output_axes", new Array<number>(given).fill(0));
  return results.map((fact, index): Fact => {
    if (index < states) return common(inputAt(site, index), fact);
    if (fact.shape === null) return fact;
    const named = places[index - states] ?? 0;
    const axis = named < 0 ? named + fact.shape.length + 1 : named;
    return {
      type: fact.type,
      shape: [...fact.shape.slice(0, axis), rows, ...fact.shape.slice(axis)],
    };
  });
}
