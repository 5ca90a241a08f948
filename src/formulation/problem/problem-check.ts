import { at as entryAt } from "../../core/at.ts";
import { InputError } from "../../core/errors.ts";
import type {
  AxisRef,
  Problem,
  ProblemLayer,
  ProblemResource,
  ProblemSum,
  ProblemTerm,
} from "./problem.ts";
import { axisCounts, axisHome, axisName, isWithin, sumValue, tableSize } from "./problem-axes.ts";

/**
 * Refuses a problem that contradicts itself, before anything is built on it: references to what isn't there, tables of
 * the wrong size or with entries that are no finite numbers, axes that are gone while a table needs them.
 *
 * @throws InputError `formulation/bad-problem`
 */
export function checkProblem(problem: Problem): void {
  checkBlocks(problem);
  checkDims(problem);
  problem.sums.forEach((sum, index) => {
    checkSum(problem, sum, index);
  });
  for (const layer of problem.layers) checkLayer(problem, layer);
  for (const pair of problem.exclusiveLayers) {
    const isPair = pair[0] !== pair[1] && pair.every((layer) => layer in problem.layers);
    expect(isPair, problem, `layers ${pair.join(" and ")} can't exclude each other`);
  }
  for (const term of problem.terms) checkTerm(problem, term);
  checkResources(problem);
}

function checkResources(problem: Problem): void {
  const groups = new Map<string, ProblemResource>();
  for (const resource of problem.resources) {
    const { name, limit, penalty, group } = resource;
    expect(limit > -Infinity, problem, `the limit of '${name}' is ${limit}`);
    const isPrice =
      penalty === null || penalty === undefined || (penalty > 0 && penalty < Infinity);
    expect(isPrice, problem, `the penalty of '${name}' is ${penalty}`);
    if (group === null || group === undefined) continue;
    const first = groups.get(group) ?? resource;
    groups.set(group, first);
    const isOne = first.limit === limit && (first.penalty ?? null) === (penalty ?? null);
    expect(isOne, problem, `'${name}' has another limit or penalty than the rest of '${group}'`);
  }
}

function checkBlocks(problem: Problem): void {
  problem.blocks.forEach(({ name, parent }, index) => {
    let steps = 0;
    for (let at = parent; at !== null; at = problem.blocks[at]?.parent ?? null) {
      steps += 1;
      const isFine = problem.blocks[at] !== undefined && at !== index;
      expect(isFine && steps <= problem.blocks.length, problem, `block '${name}' lies in itself`);
    }
  });
}

function checkDims(problem: Problem): void {
  for (const { name, counts, block } of problem.dims) {
    expect(counts.length > 0, problem, `dim '${name}' has no option`);
    const increases = counts.every((count, at) => at === 0 || count > entryAt(counts, at - 1));
    expect(increases, problem, `the counts of dim '${name}' do not increase: ${counts.join(", ")}`);
    expectBlock(problem, block, `dim '${name}'`);
  }
}

function checkSum(problem: Problem, sum: ProblemSum, index: number): void {
  const what = `sum '${sum.name}'`;
  for (const operand of [sum.left, sum.right]) {
    const isEarlier = operand.kind === "dim" || operand.index < index;
    expect(isEarlier, problem, `${what} refers to a sum that comes after it`);
    expectAxis(problem, operand, what);
  }
  const [left, right] = [axisHome(problem, sum.left), axisHome(problem, sum.right)];
  const isChain = isWithin(problem, left, right) || isWithin(problem, right, left);
  expect(isChain, problem, `${what} adds dims of two blocks that don't contain each other`);
  const reachable = new Set<number>();
  for (const leftCount of axisCounts(problem, sum.left)) {
    for (const rightCount of axisCounts(problem, sum.right)) {
      reachable.add(sumValue(sum, leftCount, rightCount));
    }
  }
  const same =
    reachable.size === sum.values.length && sum.values.every((value) => reachable.has(value));
  expect(same, problem, `the values of ${what} are not the sums of its operands`);
}

function checkLayer(problem: Problem, layer: ProblemLayer): void {
  const what = `layer '${layer.name}'`;
  expectBlock(problem, layer.block, what);
  if (layer.tie === null) return;
  const counts = [layer.tie.outlives, layer.tie.tied].map((dim): readonly number[] => {
    const axis = { kind: "dim", index: dim } as const;
    expectAxis(problem, axis, what);
    const lives = isWithin(problem, layer.block, axisHome(problem, axis));
    expect(lives, problem, `${what} ties dim '${axisName(problem, axis)}', which its block lacks`);
    return axisCounts(problem, axis);
  });
  expect(
    counts[0]?.join() === counts[1]?.join() && layer.tie.outlives !== layer.tie.tied,
    problem,
    `${what} ties two dims with different counts`,
  );
  const costs = layer.tieCost ?? [];
  expect(
    costs.length <= problem.resources.length,
    problem,
    `${what} costs more resources than there are`,
  );
  for (const table of [layer.tieGain, ...costs]) {
    if (table !== null) {
      expectTable(problem, Float64Array.from(table), counts[0]?.length ?? 0, what);
    }
  }
}

function checkTerm(problem: Problem, term: ProblemTerm): void {
  const what = `table '${term.name}'`;
  expectBlock(problem, term.block, what);
  if (term.layer !== null) {
    const layer = problem.layers[term.layer];
    const isFine = layer !== undefined && layer.block === term.block;
    expect(isFine, problem, `${what} has a layer that isn't there or is in another block`);
  }
  for (const axis of term.axes) {
    expectAxis(problem, axis, what);
    const lives = isWithin(problem, term.block, axisHome(problem, axis));
    expect(lives, problem, `${what} needs '${axisName(problem, axis)}' while its block is dropped`);
  }
  expect(
    term.cost.length <= problem.resources.length,
    problem,
    `${what} costs more resources than there are`,
  );
  const size = tableSize(problem, term.axes);
  for (const table of [term.gain, ...term.cost]) {
    if (table !== null) expectTable(problem, table, size, what);
  }
}

function expectTable(problem: Problem, table: Float64Array, size: number, what: string): void {
  expect(table.length === size, problem, `${what} has ${table.length} entries instead of ${size}`);
  const wrong = table.findIndex((value) => !Number.isFinite(value));
  expect(wrong < 0, problem, `entry ${wrong} of ${what} is ${table[wrong]}`);
}

function expectAxis(problem: Problem, { kind, index }: AxisRef, what: string): void {
  const list = kind === "dim" ? problem.dims : problem.sums;
  expect(
    list[index] !== undefined,
    problem,
    `${what} refers to ${kind} ${index}, which isn't there`,
  );
}

function expectBlock(problem: Problem, block: number | null, what: string): void {
  const isThere = block === null || problem.blocks[block] !== undefined;
  expect(isThere, problem, `${what} is in block ${block}, which isn't there`);
}

function expect(holds: boolean, problem: Problem, message: string): void {
  if (holds) return;
  throw new InputError({
    code: "formulation/bad-problem",
    message: `The program can't be solved as it stands: ${message}.`,
    where: problem.name,
    hint: "Check the latency table, the importance file and the structure it was made from.",
  });
}
