import { finiteOrNull } from "../documents/finite.ts";
import type { InstanceAnswer } from "../documents/instance.ts";
import type { Instance } from "../formulation/problem/instance.ts";
import type { Answer, InfeasibleLimitsError } from "../formulation/solve/answer.ts";

/** The document of `mdp solve --instance --json`. */
export function instanceDocument({ problem, reference }: Instance, answer: Answer): InstanceAnswer {
  return {
    instance: problem.name,
    status: answer.status,
    objective: answer.objective,
    latency: answer.usage[0] ?? null,
    budget: problem.resources[0]?.limit ?? null,
    // JSON has no Infinity: a bound or gap that is not proven is null.
    bound: finiteOrNull(answer.bound),
    gap: finiteOrNull(answer.gap),
    seconds: answer.seconds,
    solver: answer.solver,
    nodes: answer.stats.nodes,
    presolve: answer.presolve,
    notes: answer.notes,
    counts: Object.fromEntries(
      problem.dims.map(({ name, counts }, dim) => [
        name,
        counts[answer.selection.options[dim] ?? -1] ?? 0,
      ]),
    ),
    droppedBlocks: [...answer.selection.droppedBlocks].map(
      (block) => problem.blocks[block]?.name ?? "",
    ),
    reference,
  };
}

/** The same where no subnet keeps the budget, with the nearest budget that one keeps. */
export function infeasibleInstance(
  { problem }: Instance,
  error: InfeasibleLimitsError,
  seconds: number,
): InstanceAnswer {
  const { code, message, where = null, hint = null, exitCode, nearest } = error;
  return {
    instance: problem.name,
    status: "infeasible",
    objective: null,
    latency: null,
    budget: problem.resources[0]?.limit ?? null,
    bound: null,
    gap: null,
    seconds,
    nearestBudget: nearest[0]?.least ?? null,
    error: { code, message, where, hint, exitCode },
  };
}

/** An answer as people read it. */
export function instanceText({ problem, reference }: Instance, answer: Answer): string {
  const [resource] = problem.resources;
  const used = answer.usage[0] ?? 0;
  const share = resource === undefined ? "" : ` (${((100 * used) / resource.limit).toFixed(2)} %)`;
  const blocks = `${answer.selection.droppedBlocks.size} of ${problem.blocks.length}`;
  const lines = [
    `instance    ${problem.name}`,
    `status      ${answer.status}`,
    `objective   ${answer.objective}${ofDense(answer.objective, reference.dense)}`,
    `latency     ${used} of ${resource?.limit} ${resource?.unit}${share}`,
    `bound       ${answer.bound}`,
    `gap         ${answer.gap}`,
    `seconds     ${answer.seconds.toFixed(3)}`,
    `solver      ${answer.solver}, ${answer.stats.nodes} nodes`,
    `blocks      ${blocks} dropped`,
  ];
  if (reference.optimum !== null) {
    const agrees = answer.objective === reference.optimum ? "reached" : "NOT reached";
    lines.push(`reference   ${reference.optimum} ${agrees}`);
  }
  return lines.join("\n");
}

function ofDense(objective: number, dense: number | null): string {
  return dense === null ? "" : ` (${((100 * objective) / dense).toFixed(2)} % of dense)`;
}
