import { type Random, randomFrom, shuffled } from "../../src/core/random.ts";
import type { AxisRef, Problem, ProblemLayer } from "../../src/formulation/problem/problem.ts";

/** Costs and limits times `costFactor`, gains times `gainFactor`; penalties follow, so that the same selections are best. */
export function scaled(problem: Problem, costFactor: number, gainFactor: number): Problem {
  const { terms, layers, resources } = problem;
  const times =
    (factor: number) =>
    (value: number): number =>
      value * factor;
  return {
    ...problem,
    terms: terms.map((term) => ({
      ...term,
      gain: term.gain?.map(times(gainFactor)) ?? null,
      cost: term.cost.map((table) => table?.map(times(costFactor)) ?? null),
    })),
    layers: layers.map((layer) => ({
      ...layer,
      tieGain: layer.tieGain.map(times(gainFactor)),
      tieCost: layer.tieCost?.map((table) => table?.map(times(costFactor)) ?? null),
    })),
    resources: resources.map((resource) => ({
      ...resource,
      limit: resource.limit * costFactor,
      ...(resource.penalty ? { penalty: (resource.penalty * gainFactor) / costFactor } : {}),
    })),
  };
}

/** Every limit higher by this share of itself, and by a little where it is 0. */
export function loosened(problem: Problem, share: number): Problem {
  const resources = problem.resources.map((resource) => ({
    ...resource,
    limit: resource.limit + share * Math.abs(resource.limit) + share,
  }));
  return { ...problem, resources };
}

/** The same program with every list in another order and everything named again. Sums stay in order: they build on each other. */
export function permuted(problem: Problem, seed: number): Problem {
  const random = randomFrom(seed);
  const dims = orderOf(random, problem.dims.length);
  const blocks = orderOf(random, problem.blocks.length);
  const layers = orderOf(random, problem.layers.length);
  const resources = orderOf(random, problem.resources.length);
  const blockAt = (block: number | null): number | null =>
    block === null ? null : (blocks.placeOf[block] ?? null);
  const axisAt = (axis: AxisRef): AxisRef =>
    axis.kind === "sum" ? axis : { kind: "dim", index: dims.placeOf[axis.index] ?? -1 };
  const named = <T extends { readonly name: string }>(things: readonly T[]): T[] =>
    things.map((thing, at) => ({ ...thing, name: `renamed ${at}` }));
  const costs = <T>(cost: readonly (T | null)[]): (T | null)[] =>
    resources.order.map((r) => cost[r] ?? null);
  const tieAt = (tie: ProblemLayer["tie"]): ProblemLayer["tie"] =>
    tie && { outlives: dims.placeOf[tie.outlives] ?? -1, tied: dims.placeOf[tie.tied] ?? -1 };
  return {
    name: `${problem.name}, permuted`,
    dims: named(pick(problem.dims, dims.order)).map((dim) => ({
      ...dim,
      block: blockAt(dim.block),
    })),
    sums: named(problem.sums).map((sum) => ({
      ...sum,
      left: axisAt(sum.left),
      right: axisAt(sum.right),
    })),
    blocks: named(pick(problem.blocks, blocks.order)).map((block) => ({
      ...block,
      parent: blockAt(block.parent),
    })),
    layers: named(pick(problem.layers, layers.order)).map((layer) => ({
      ...layer,
      block: blockAt(layer.block),
      tie: tieAt(layer.tie),
      ...(layer.tieCost ? { tieCost: costs(layer.tieCost) } : {}),
    })),
    exclusiveLayers: problem.exclusiveLayers.map(
      ([one, other]) => [layers.placeOf[other] ?? -1, layers.placeOf[one] ?? -1] as const,
    ),
    terms: named(shuffled(problem.terms, random)).map((term) => ({
      ...term,
      block: blockAt(term.block),
      layer: term.layer === null ? null : (layers.placeOf[term.layer] ?? null),
      axes: term.axes.map(axisAt),
      cost: costs(term.cost),
    })),
    resources: named(pick(problem.resources, resources.order)),
  };
}

function orderOf(random: Random, length: number): { order: number[]; placeOf: number[] } {
  const order = shuffled(
    Array.from({ length }, (_, at) => at),
    random,
  );
  const placeOf: number[] = [];
  order.forEach((old, place) => {
    placeOf[old] = place;
  });
  return { order, placeOf };
}

function pick<T>(list: readonly T[], order: readonly number[]): T[] {
  return order.flatMap((at) => list.slice(at, at + 1));
}
