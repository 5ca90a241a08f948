/** Modules of a network before they are text: what each holds, and what it does in its forward pass. */
import type { Binding, Member, Statement, Text } from "./pieces.ts";

/**
 * What a scope is written as: a class, an nn.Sequential, a dense block (every layer takes the list of all outputs before it), or
 * a holder whose parts the scope around it calls.
 */
export type ScopeForm = "class" | "sequential" | "dense" | "holder";

/** How the name of a value ends that stands for the list of a scope's inputs. */
export const LIST = "/list";

export interface Scope {
  readonly path: readonly string[];
  readonly children: Map<string, Scope>;
  /** Layers and bare parameters directly in it, by their last name. */
  readonly members: Map<string, Member>;
  readonly statements: Placed[];
  form: ScopeForm;
  /** The values of its one input, where that is a list. */
  list: readonly string[] | null;
  /** Filled in by `arrange`. */
  items: readonly Item[];
  inputs: readonly string[];
  outputs: readonly string[];
}

/** A statement with its place in the network's order. */
export interface Placed {
  readonly statement: Statement;
  readonly order: number;
  /** The name that it would have as a child of an nn.Sequential. */
  readonly slot: string | null;
}

/** One step of a forward pass: a statement, or the call of a child. */
export interface Item {
  readonly inputs: readonly string[];
  readonly outputs: readonly string[];
  readonly text: Text;
  readonly binding: Binding;
  readonly order: number;
  readonly slot: string | null;
  readonly statement: Statement | null;
  readonly child: Scope | null;
}
