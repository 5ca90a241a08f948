import { type Random, randomFrom } from "../../src/core/random.ts";
import type {
  AxisRef,
  Problem,
  ProblemBlock,
  ProblemDim,
  ProblemLayer,
  ProblemResource,
  ProblemSum,
  ProblemTerm,
} from "../../src/formulation/problem/problem.ts";
import {
  axisCounts,
  axisHome,
  isWithin,
  tableSize,
} from "../../src/formulation/problem/problem-axes.ts";

/**
 * A small random problem with blocks (nested or not), dims shared by several tables, droppable layers with and
 * without ties, exclusive layers, a sum, tables over none to three axes, zero and non-monotone costs, one or two
 * resources, and limits from impossible to trivial.
 */
export function randomProblem(seed: number): Problem {
  const random = randomFrom(seed);
  const blocks = randomBlocks(random);
  const dims = randomDims(random, blocks);
  const skeleton: Problem = {
    name: `random ${seed}`,
    dims,
    sums: [],
    blocks,
    layers: [],
    exclusiveLayers: [],
    terms: [],
    resources: [],
  };
  const sums = randomSums(random, skeleton);
  const layers = randomLayers(random, { ...skeleton, sums });
  const shape: Problem = { ...skeleton, sums, layers };
  const resourceCount = 1 + random.integer(2);
  const terms = Array.from({ length: 2 + random.integer(5) }, (_, index) =>
    randomTerm(random, shape, index, resourceCount),
  );
  const resources = Array.from({ length: resourceCount }, (_, index) => ({
    name: `resource ${index}`,
    unit: "units",
    limit: Math.round(reach(terms, index) * (random.next() * 1.1 - 0.05)),
  }));
  const exclusiveLayers: [number, number][] =
    layers.length === 2 && random.next() < 0.5 ? [[0, 1]] : [];
  return { ...shape, terms, resources, exclusiveLayers };
}

function randomBlocks(random: Random): ProblemBlock[] {
  return Array.from({ length: random.integer(4) }, (_, index) => ({
    name: `block ${index}`,
    parent: index > 0 && random.next() < 0.4 ? random.integer(index) : null,
  }));
}

function anyBlock(random: Random, blocks: readonly ProblemBlock[]): number | null {
  const pick = random.integer(blocks.length + 1);
  return pick === blocks.length ? null : pick;
}

function randomDims(random: Random, blocks: readonly ProblemBlock[]): ProblemDim[] {
  return Array.from({ length: 1 + random.integer(4) }, (_, index) => ({
    name: `dim ${index}`,
    // Dims of one length have the same counts, so that layers can tie them.
    counts: Array.from({ length: 1 + random.integer(3) }, (_unused, option) => 4 * (option + 1)),
    block: anyBlock(random, blocks),
  }));
}

/** Up to three sums, of dims or of the sums before; some have a part in common. */
function randomSums(random: Random, problem: Problem): ProblemSum[] {
  if (random.next() < 0.4) return [];
  const sums: ProblemSum[] = [];
  const count = 1 + random.integer(3);
  for (let index = 0; index < count; index += 1) {
    const sum = randomSum(random, { ...problem, sums }, `sum ${sums.length}`);
    if (sum !== null) sums.push(sum);
  }
  return sums;
}

function randomSum(random: Random, problem: Problem, name: string): ProblemSum | null {
  const axes = [
    ...problem.dims.map((_, index): AxisRef => ({ kind: "dim", index })),
    ...problem.sums.map((_, index): AxisRef => ({ kind: "sum", index })),
  ];
  const left = axes[random.integer(axes.length)];
  const right = axes[random.integer(axes.length)];
  if (left === undefined || right === undefined || left === right) return null;
  const [homeLeft, homeRight] = [axisHome(problem, left), axisHome(problem, right)];
  if (!isWithin(problem, homeLeft, homeRight) && !isWithin(problem, homeRight, homeLeft)) {
    return null;
  }
  const rightUnits = 1 + random.integer(2);
  const values = new Set<number>();
  for (const a of axisCounts(problem, left)) {
    for (const b of axisCounts(problem, right)) values.add(a + rightUnits * b);
  }
  const increasing = [...values].sort((a, b) => a - b);
  return { name, left, right, leftUnits: 1, rightUnits, values: increasing };
}

function randomLayers(random: Random, problem: Problem): ProblemLayer[] {
  return Array.from({ length: random.integer(3) }, (_, index): ProblemLayer => {
    const block = anyBlock(random, problem.blocks);
    const alive = problem.dims.flatMap((dim, at) =>
      isWithin(problem, block, dim.block) ? [at] : [],
    );
    const outlives = alive[random.integer(alive.length)];
    const counts = problem.dims[outlives ?? -1]?.counts ?? [];
    const partners = alive.filter(
      (at) => at !== outlives && problem.dims[at]?.counts.length === counts.length,
    );
    const tied = partners[random.integer(partners.length)];
    const isTied = outlives !== undefined && tied !== undefined && random.next() < 0.8;
    return {
      name: `layer ${index}`,
      block,
      tie: isTied ? { outlives, tied } : null,
      tieGain: isTied ? counts.map(() => -random.integer(4)) : [],
    };
  });
}

function randomTerm(
  random: Random,
  problem: Problem,
  index: number,
  resources: number,
): ProblemTerm {
  const useLayer = problem.layers.length > 0 && random.next() < 0.6;
  const layerIndex = useLayer ? random.integer(problem.layers.length) : null;
  const layer = layerIndex === null ? undefined : problem.layers[layerIndex];
  const block = layer === undefined ? anyBlock(random, problem.blocks) : layer.block;
  const alive = [
    ...problem.dims.map((_, at): AxisRef => ({ kind: "dim", index: at })),
    ...problem.sums.map((_, at): AxisRef => ({ kind: "sum", index: at })),
  ].filter((axis) => isWithin(problem, block, axisHome(problem, axis)));
  const count = alive.length === 0 ? 0 : random.integer(4);
  const axes = Array.from({ length: count }, () => alive[random.integer(alive.length)]).filter(
    (axis) => axis !== undefined,
  );
  // A tied layer's own table is the usual case.
  if (layer?.tie && random.next() < 0.5) {
    const { outlives, tied } = layer.tie;
    axes.splice(0, axes.length, { kind: "dim", index: outlives }, { kind: "dim", index: tied });
  }
  const size = tableSize(problem, axes);
  // Measured numbers are real, published ones are integers.
  const unit = random.next() < 0.5 ? 1 : 0.1 + random.next();
  const table = (most: number): Float64Array =>
    Float64Array.from({ length: size }, () => random.integer(most) * unit);
  return {
    name: `table ${index}`,
    block,
    layer: layerIndex,
    axes,
    gain: random.next() < 0.8 ? table(20) : null,
    cost: Array.from({ length: resources }, () => (random.next() < 0.8 ? table(12) : null)),
  };
}

/** The same problem with soft limits, limits that are one group, and ties that cost; by chance, and at least one of them. */
export function softened(problem: Problem, seed: number): Problem {
  const random = randomFrom(seed);
  const kind = random.integer(3);
  const penalty = 0.25 * (1 + random.integer(12));
  const [first] = problem.resources;
  const isGroup = kind === 1 && problem.resources.length > 1 && first !== undefined;
  const resources = problem.resources.map((resource): ProblemResource => {
    if (isGroup) {
      const isSoft = penalty > 1;
      const whole = { ...resource, limit: first.limit, group: "all" };
      return isSoft ? { ...whole, penalty } : whole;
    }
    return kind === 0 || random.next() < 0.5 ? { ...resource, penalty } : resource;
  });
  const layers = problem.layers.map((layer) => ({
    ...layer,
    tieCost: problem.resources.map(() =>
      layer.tie === null || random.next() < 0.3
        ? null
        : layer.tieGain.map(() => random.integer(9) - 3),
    ),
  }));
  return { ...problem, name: `${problem.name} softened`, resources, layers };
}

/** About the most that a resource can be used. */
function reach(terms: readonly ProblemTerm[], resource: number): number {
  return terms.reduce((sum, term) => sum + Math.max(0, ...(term.cost[resource] ?? [])), 0);
}
