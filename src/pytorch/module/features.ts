/** Which modules are blocks: those whose outputs a student and its teacher can be compared at. */
import type { ModuleClass } from "./classes.ts";
import type { Lowered } from "./lower/lower.ts";
import type { Scope } from "./scope.ts";

export interface Feature {
  /** Path of the submodule. */
  readonly name: string;
  /** The network's value that it gives. */
  readonly value: string;
}

/**
 * Paths of the outermost modules with at least two layers that give one feature map (or sequence), without the network's own
 * outputs. A module that only wraps a series of blocks stands for them.
 */
export function featuresOf(
  root: Scope,
  classes: readonly ModuleClass[],
  lowered: Lowered,
): readonly Feature[] {
  const shared = new Set(classes.flatMap(({ scopes }) => (scopes.length > 1 ? scopes : [])));
  const found: Feature[] = [];
  const visit = (scope: Scope): void => {
    for (const { child } of scope.items) {
      if (child === null) continue;
      if (isWrapper(child, shared)) visit(child);
      else if (isBlock(child, lowered)) {
        found.push({ name: child.path.join("."), value: child.outputs[0] ?? "" });
      }
    }
  };
  visit(root);
  return found;
}

function isBlock(scope: Scope, lowered: Lowered): boolean {
  const [output = "", ...more] = scope.outputs;
  const rank = lowered.shapeOf(output)?.length ?? 0;
  return (
    more.length === 0 && rank > 2 && !lowered.outputs.includes(output) && layerCount(scope) > 1
  );
}

/** Convolutions and linear layers. */
function layerCount(scope: Scope): number {
  const own = [...scope.members.values()].filter(
    (member) => member.tensors.length > 0 && isWeighted(member.tensors),
  );
  return [...scope.children.values()].reduce((sum, child) => sum + layerCount(child), own.length);
}

function isWeighted(
  tensors: readonly { readonly part: string; readonly shape: readonly number[] }[],
): boolean {
  return tensors.some(({ shape }) => shape.length > 1);
}

function isWrapper(scope: Scope, shared: ReadonlySet<Scope>): boolean {
  if (shared.has(scope) || scope.form === "dense") return false;
  const inner = scope.items.flatMap(({ child }) => (child === null ? [] : [child]));
  if (inner.some((child) => isWrapper(child, shared))) return true;
  const blocks = inner.filter((child) => child.form !== "sequential" && layerCount(child) > 1);
  // A single block among plain layers is a part of something: squeeze-and-excitation in its bottleneck.
  const classes = inner.filter((child) => child.form !== "sequential");
  const only = classes.length === inner.length && scope.members.size === 0;
  if (scope.form === "sequential") return classes.length > 1 || (classes.length > 0 && only);
  const series = inner.some((child) => child.form === "sequential" && isWrapper(child, shared));
  return series || blocks.length > 2;
}
