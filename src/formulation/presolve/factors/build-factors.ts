import { at, get } from "../../../core/at.ts";
import type { Problem, ProblemTerm } from "../../problem/problem.ts";
import { axisCounts, axisHome, simplifyTerm, sumValue } from "../../problem/problem-axes.ts";
import { addPresence } from "./build-presence.ts";
import {
  allowBox,
  type Building,
  emptyGain,
  FORBIDDEN,
  presentBox,
  shapeOf,
  variableOf,
  variablesOf,
} from "./build-shape.ts";
import { type FactorGraph, stridesOf, walkBox } from "./factors.ts";
import { isLinear } from "./plan-sums.ts";
import { restrict } from "./restrict.ts";

/** The factors of a problem: its tables, and its rules of blocks, layers, ties and sums. Nothing is lost. */
export function buildFactors(problem: Problem): FactorGraph {
  const building = variablesOf(problem);
  for (const term of problem.terms) addTerm(building, simplifyTerm(problem, term));
  problem.sums.forEach((_, index) => {
    if (!isLinear(problem, { kind: "sum", index })) addSum(building, index);
  });
  problem.layers.forEach((_, index) => {
    addLayer(building, index);
  });
  const { firstLayer, collector } = building;
  for (const [one, other] of problem.exclusiveLayers) {
    const scope = [firstLayer + Math.min(one, other), firstLayer + Math.max(one, other)];
    collector.add(scope, Float64Array.of(0, 0, 0, FORBIDDEN), []);
  }
  addPresence(building);
  const graph: FactorGraph = {
    variables: building.variables,
    factors: collector.factors(),
    links: building.links,
    resourceCount: problem.resources.length,
  };
  const sizes = graph.variables.map(({ states }) => states.length);
  // Restricting to all states takes those that have no choice out of the scopes.
  return sizes.includes(1)
    ? restrict(
        graph,
        sizes.map((size) => new Uint8Array(size).fill(1)),
      )
    : graph;
}

function addTerm(building: Building, term: ProblemTerm): void {
  const { problem, collector, firstLayer } = building;
  const axes = term.axes.map((axis) => variableOf(building, axis));
  const layer = term.layer === null ? null : firstLayer + term.layer;
  const shape = shapeOf(building, term.block, layer === null ? axes : [...axes, layer]);
  const { start, lengths, strides } = presentBox(building, shape);
  const tableStrides = stridesOf(term.axes.map((axis) => axisCounts(problem, axis).length));
  const sources = shape.scope.map((variable) => tableStrides[axes.indexOf(variable)] ?? 0);

  const gain = emptyGain(building, shape);
  walkBox(
    lengths,
    strides,
    sources,
    (a, b) => {
      gain[a] = term.gain?.[b] ?? 0;
    },
    start,
  );
  if (layer !== null) {
    allowBox(gain, { start: start + (shape.stride.get(layer) ?? 1), lengths, strides });
  }
  const cost = term.cost.map((table): Float64Array | null => {
    if (table === null || table.every((value) => value === 0)) return null;
    const filled = new Float64Array(shape.cells);
    walkBox(
      lengths,
      strides,
      sources,
      (a, b) => {
        filled[a] = at(table, b);
      },
      start,
    );
    return filled;
  });
  collector.add(shape.scope, gain, cost);
}

/** A sum or product in a block: values[s] = sumValue(left, right), or all of the deeper operand's block gone. */
function addSum(building: Building, index: number): void {
  const { problem, collector, sumVariables } = building;
  const sum = problem.sums[index];
  const own = sumVariables[index] ?? -1;
  if (sum === undefined || own < 0) return;
  const left = variableOf(building, sum.left);
  const right = variableOf(building, sum.right);
  const shape = shapeOf(building, axisHome(problem, { kind: "sum", index }), [left, right, own]);
  const gain = emptyGain(building, shape);
  const optionOf = new Map(sum.values.map((value, option) => [value, option]));
  const stride = (variable: number): number => shape.stride.get(variable) ?? 1;
  const rightCounts = axisCounts(problem, sum.right);
  axisCounts(problem, sum.left).forEach((leftCount, i) => {
    rightCounts.forEach((rightCount, j) => {
      if (left === right && i !== j) return;
      const option = get(optionOf, sumValue(sum, leftCount, rightCount));
      const place = left === right ? i * stride(left) : i * stride(left) + j * stride(right);
      gain[place + option * stride(own)] = 0;
    });
  });
  collector.add(shape.scope, gain, []);
}

/** Stands: nothing to say. Dropped: its block is kept, and the two dims of its tie have one option. */
function addLayer(building: Building, index: number): void {
  const { problem, collector, firstLayer } = building;
  const layer = problem.layers[index];
  if (layer === undefined || (layer.tie === null && layer.block === null)) return;
  const own = firstLayer + index;
  const tied = layer.tie === null ? [] : [layer.tie.outlives, layer.tie.tied];
  const shape = shapeOf(building, layer.block, [...tied, own]);
  const gain = emptyGain(building, shape);
  const box = presentBox(building, shape);
  allowBox(gain, box);
  const dropped = box.start + (shape.stride.get(own) ?? 1);
  if (layer.tie === null) {
    allowBox(gain, { ...box, start: dropped });
    collector.add(shape.scope, gain, []);
    return;
  }
  // The two move together; any other variable of the scope only tells that the block is kept.
  const together = tied.reduce((sum, variable) => sum + (shape.stride.get(variable) ?? 1), 0);
  const witness = shape.scope.findIndex((each) => each !== own && !tied.includes(each));
  const lengths = [witness < 0 ? 1 : (box.lengths[witness] ?? 1), layer.tieGain.length];
  const strides = [box.strides[witness] ?? 0, together];
  const fill = (filled: Float64Array, table: readonly number[]): Float64Array => {
    const put = (place: number, option: number): void => {
      filled[place] = at(table, option);
    };
    walkBox(lengths, strides, [0, 1], put, dropped);
    return filled;
  };
  const costs = layer.tieCost?.map((table) => table && fill(new Float64Array(shape.cells), table));
  collector.add(shape.scope, fill(gain, layer.tieGain), costs ?? []);
}
