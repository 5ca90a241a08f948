/** The modules of a network as a tree, and what each does in its forward pass. */
import { InternalError } from "../../core/errors.ts";
import { isDense, takeLists } from "./dense-blocks.ts";
import type { Lowered } from "./lower/lower.ts";
import type { Piece, Statement, Text } from "./pieces.ts";
import { use } from "./pieces.ts";
import { isIdentifier } from "./python-text.ts";
import type { Item, Scope, ScopeForm } from "./scope.ts";

/** The tree of a lowered network, every scope with its form and its steps in order. */
export function scopeTree(lowered: Lowered): Scope {
  const root = emptyScope([]);
  for (const member of lowered.members.values()) {
    const scope = scopeAt(root, member.path.slice(0, -1));
    scope.members.set(member.path.at(-1) ?? "", member);
  }
  place(root, lowered.statements);
  arrange(root, usersOf(lowered));
  // As callers know the network, whatever the order is in which it reads and makes them.
  root.inputs = lowered.inputs;
  root.outputs = lowered.outputs;
  return root;
}

function emptyScope(path: readonly string[]): Scope {
  return {
    path,
    children: new Map(),
    members: new Map(),
    statements: [],
    form: "class",
    list: null,
    items: [],
    inputs: [],
    outputs: [],
  };
}

function scopeAt(root: Scope, path: readonly string[]): Scope {
  let scope = root;
  for (const [depth, name] of path.entries()) {
    let next = scope.children.get(name);
    if (next === undefined) {
      next = emptyScope(path.slice(0, depth + 1));
      scope.children.set(name, next);
    }
    scope = next;
  }
  return scope;
}

/** The deepest scope with layers that a path leads to, and what of the path is left. */
function deepest(
  root: Scope,
  path: readonly string[],
): { readonly scope: Scope; readonly rest: readonly string[] } {
  let scope = root;
  for (const [depth, name] of path.entries()) {
    const next = scope.children.get(name);
    if (next === undefined) return { scope, rest: path.slice(depth) };
    scope = next;
  }
  return { scope, rest: [] };
}

// Modules without weights aren't scopes of their own; in an nn.Sequential they keep their number.
function place(root: Scope, statements: readonly Statement[]): void {
  const counts = new Map<string, number>();
  const places = statements.map((statement) => {
    const { scope, rest } = deepest(root, statement.scope);
    const [name = ""] = rest;
    const numbered = /^\d+$/.test(name) && !scope.members.has(name) && statement.layer === null;
    const key = numbered ? [...scope.path, name].join(".") : null;
    if (key !== null) counts.set(key, (counts.get(key) ?? 0) + 1);
    return { scope, name, key };
  });
  for (const [order, statement] of statements.entries()) {
    const found = places[order];
    if (found === undefined) continue;
    const own = found.key !== null && counts.get(found.key) === 1 && statement.module !== null;
    const slot = statement.layer?.path.at(-1) ?? (own ? found.name : null);
    found.scope.statements.push({ statement, order, slot });
  }
}

/** How many steps outside of a set of statements read a value. */
interface Users {
  readonly statements: ReadonlyMap<string, readonly Statement[]>;
  readonly outputs: ReadonlySet<string>;
}

function usersOf(lowered: Lowered): Users {
  const statements = new Map<string, Statement[]>();
  for (const statement of lowered.statements) {
    for (const name of new Set(statement.inputs)) {
      const list = statements.get(name);
      if (list === undefined) statements.set(name, [statement]);
      else list.push(statement);
    }
  }
  return { statements, outputs: new Set(lowered.outputs) };
}

/** Decides a scope's form and the order of its steps, children first. Returns the statements below it. */
function arrange(scope: Scope, users: Users): ReadonlySet<Statement> {
  const below = new Set(scope.statements.map((placed) => placed.statement));
  const within = new Map<Scope, ReadonlySet<Statement>>();
  for (const child of scope.children.values()) {
    const statements = arrange(child, users);
    within.set(child, statements);
    for (const statement of statements) below.add(statement);
  }
  takeLists(scope);
  for (;;) {
    const items = orderItems(itemsOf(scope));
    if (items !== null) {
      scope.items = items;
      break;
    }
    if (!dissolve(scope)) {
      throw new InternalError({
        code: "pytorch/unordered",
        message: `The steps of module '${scope.path.join(".")}' can't be put in order.`,
      });
    }
  }
  boundary(scope, below, users);
  scope.form = formOf(scope);
  return below;
}

/** A scope's own steps, and for every child its call; of a holder the steps themselves. */
function itemsOf(scope: Scope): Item[] {
  const own = scope.statements.map(({ statement, order, slot }): Item => {
    const { inputs, outputs, text, binding } = statement;
    return { inputs, outputs, text, binding, order, slot, statement, child: null };
  });
  const called = [...scope.children].flatMap(([name, child]): readonly Item[] => {
    if (child.form === "holder") return child.items.map((item) => ({ ...item, slot: null }));
    if (child.items.length === 0) return [];
    const member: Piece = { kind: "member", path: child.path.join(".") };
    const inputs = child.list ?? child.inputs;
    const uses = inputs.flatMap(
      (input, index): Text => (index === 0 ? [use(input)] : [", ", use(input)]),
    );
    const [open, close] = child.list === null ? ["(", ")"] : ["([", "])"];
    return [
      {
        inputs,
        outputs: child.outputs,
        text: [member, open, ...uses, close],
        binding: "atom",
        order: Math.min(...child.items.map((item) => item.order)),
        slot: name,
        statement: null,
        child,
      },
    ];
  });
  return [...own, ...called];
}

/** Steps so that each comes after those it reads from, otherwise as in the network; null where they go round in a circle. */
function orderItems(items: readonly Item[]): readonly Item[] | null {
  const sorted = [...items].sort((a, b) => a.order - b.order);
  const maker = new Map(
    sorted.flatMap((item) => item.outputs.map((output) => [output, item] as const)),
  );
  const done = new Set<Item>();
  const open = new Set<Item>();
  const order: Item[] = [];
  const visit = (item: Item): boolean => {
    if (done.has(item)) return true;
    if (open.has(item)) return false;
    open.add(item);
    for (const input of item.inputs) {
      const source = maker.get(input);
      if (source !== undefined && !visit(source)) return false;
    }
    open.delete(item);
    done.add(item);
    order.push(item);
    return true;
  };
  return sorted.every(visit) ? order : null;
}

/** Makes the next child a holder, the one with the most values in and out first. */
function dissolve(scope: Scope): boolean {
  const children = [...scope.children.values()].filter((child) => child.form !== "holder");
  const width = (child: Scope): number => child.inputs.length + child.outputs.length;
  const [widest] = children.sort((a, b) => width(b) - width(a));
  if (widest !== undefined) {
    widest.form = "holder";
    return true;
  }
  for (const child of scope.children.values()) {
    if (!dissolve(child)) continue;
    child.items = itemsOf(child);
    return true;
  }
  return false;
}

function boundary(scope: Scope, below: ReadonlySet<Statement>, users: Users): void {
  const made = new Set(scope.items.flatMap((item) => item.outputs));
  const read = scope.items.flatMap((item) => item.inputs);
  scope.inputs = [...new Set(read)].filter((name) => !made.has(name));
  scope.outputs = [...made].filter((name) => {
    const outside = users.statements.get(name)?.some((statement) => !below.has(statement));
    return users.outputs.has(name) || outside === true;
  });
}

function formOf(scope: Scope): ScopeForm {
  if (scope.path.length === 0) return "class";
  const slots = scope.items.map((item) => item.slot);
  const holder = [...scope.children.values()].some(
    (child) => child.form === "holder" && child.items.length > 0,
  );
  const numbers = slots.map((slot) => (slot !== null && /^\d+$/.test(slot) ? Number(slot) : -1));
  const rising = numbers.every(
    (number, index) => number >= 0 && number > (numbers[index - 1] ?? -1),
  );
  const bare = [...scope.members.values()].some((member) => member.kind !== "layer");
  if (!holder && !bare && isChain(scope) && (rising || isSeries(scope, slots))) return "sequential";
  if (!holder && isDense(scope)) return "dense";
  const names = [...scope.children.keys(), ...scope.members.keys()];
  const attributes = names.every(isIdentifier);
  return attributes && scope.outputs.length > 0 && scope.inputs.length > 0 ? "class" : "holder";
}

/** Every step takes what the one before made, and nothing else. */
function isChain(scope: Scope): boolean {
  const [input, ...more] = scope.inputs;
  if (input === undefined || more.length > 0 || scope.outputs.length !== 1) return false;
  let last = input;
  for (const item of scope.items) {
    if (item.inputs.length !== 1 || item.inputs[0] !== last || item.outputs.length !== 1)
      return false;
    last = item.outputs[0] ?? "";
  }
  return last === scope.outputs[0];
}

// Blocks by numbered names ("encoder_layer_0", ...) are a series too.
function isSeries(scope: Scope, slots: readonly (string | null)[]): boolean {
  const stems = new Set(slots.map((slot) => slot?.replace(/\d+$/, "") ?? ""));
  const numbered = slots.every((slot) => slot !== null && /[^\d]\d+$/.test(slot));
  return numbered && stems.size === 1 && scope.members.size === 0 && slots.length > 0;
}
