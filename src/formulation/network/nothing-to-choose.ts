import { InputError } from "../../core/errors.ts";
import type { NetworkProblem } from "./network-problem.ts";

/**
 * Refuses a network of which nothing can be pruned with these options: every dim has one width, no block and no layer may go.
 * @throws InputError `formulation/nothing-to-prune` with the reason of every dim
 */
export function refuseWithoutChoice({ problem, structure, choices }: NetworkProblem): void {
  const { dims, blocks, layers } = problem;
  if (blocks.length > 0 || layers.length > 0 || dims.some(({ counts }) => counts.length > 1)) {
    return;
  }
  const byReason = new Map<string, string[]>();
  for (const { index, name } of structure.dims) {
    const reason = choices[index]?.whole ?? "it has one width";
    byReason.set(reason, [...(byReason.get(reason) ?? []), name]);
  }
  const reasons = [...byReason].map(
    ([reason, names]) =>
      `${names.slice(0, 4).join(", ")}${names.length > 4 ? ` and ${names.length - 4} more` : ""}: ${reason}`,
  );
  const unknown = structure.unknown.map(({ text }) => text);
  const parts = [
    ...(structure.layers.length === 0 ? ["it has no layer with constant weights"] : []),
    ...reasons,
    ...unknown,
  ].map((part) => part.replace(/\.$/, ""));
  const free = structure.dims.filter((dim) => dim.pinned === null);
  throw new InputError({
    code: "formulation/nothing-to-prune",
    message: `Nothing can be pruned. ${parts.join("; ")}.`,
    where: structure.graph.name,
    hint:
      free.length > 0
        ? "Allow narrower widths (a smaller --step, a larger --max-prune, fewer limits and protected dims), or let blocks and layers go."
        : structure.blocks.length > 0 || structure.layers.some(({ drop }) => drop !== null)
          ? "Let blocks and layers go: leave out --no-blocks and --no-layers."
          : "No option changes that; mdp inspect shows the same reasons.",
  });
}
