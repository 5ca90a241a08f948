import { InputError } from "../core/errors.ts";
import type { Node } from "../graph/graph.ts";
import { nodeLabel } from "../graph/graph.ts";
import type { Op, OpKind } from "../graph/op.ts";
import type { Emitter } from "./emitter.ts";

/** Appends the gradient of one input to the graph and returns its name. Called only where that gradient is asked for. */
export type InputGradient = () => string;

/** What a rule may look at. */
export interface Site {
  readonly node: Node;
  readonly emit: Emitter;
  /** Gradient of the loss with respect to the first output; in its shape. */
  readonly gradient: string;
  /** The same for any output; null where the loss doesn't depend on it. */
  readonly gradientOf: (output: number) => string | null;
  /** Name of an input; "" where it is omitted. */
  readonly input: (index: number) => string;
  /** Name of the first output. */
  readonly output: string;
  /** The numbers of an input that is constant, row-major; null where it isn't. */
  readonly constant: (index: number) => readonly number[] | null;
}

/**
 * The gradients of an op's inputs, each in the input's shape; null for an input that has none (indices, sizes). Values
 * of the forward pass may be read by name.
 */
export type Rule<Kind extends OpKind> = (
  op: Extract<Op, { kind: Kind }>,
  site: Site,
) => readonly (InputGradient | null)[];

/** The error for an op that can't be differentiated. */
export function noRule(node: Node, detail = ""): InputError {
  const name = node.domain === "" ? node.opType : `${node.domain}.${node.opType}`;
  return new InputError({
    code: "gradients/no-rule",
    message: `${name} '${nodeLabel(node)}' has no gradient here${detail === "" ? "" : `: ${detail}`}.`,
    where: `node '${nodeLabel(node)}'`,
    hint: "Export the network so that this operation is made of others, or ask for gradients of what comes after it only.",
  });
}

/** Worked out at the first call, and only then. */
export function once<T>(make: () => T): () => T {
  let made: { readonly value: T } | null = null;
  return () => {
    made ??= { value: make() };
    return made.value;
  };
}
