/** Modules of one form become one class; what differs between them becomes its arguments. */
import { type Argument, argumentsOf } from "./class-arguments.ts";
import { classNameFor } from "./class-names.ts";
import { type Forward, forwardOf } from "./forward.ts";
import type { Hole, Piece, Text } from "./pieces.ts";
import { isIdentifier } from "./python-text.ts";
import type { Item, Scope } from "./scope.ts";

export interface ModuleClass {
  readonly name: string;
  /** Every module that is an instance, in the network's order. */
  readonly scopes: readonly Scope[];
  readonly init: readonly Text[];
  readonly forward: Forward;
  readonly arguments: readonly Argument[];
}

/** Names that the file has already. */
export const RESERVED: readonly string[] = [
  "F",
  "nn",
  "torch",
  "OrderedDict",
  "Permute",
  "LayerNorm2d",
  "DenseBlock",
  "named",
];

/** The classes of a network, each after those it uses; the network's own is the last. */
export function classesOf(root: Scope, rootName: string): readonly ModuleClass[] {
  const made: ModuleClass[] = [];
  const classOf = new Map<Scope, ModuleClass>();
  const names = new Set([rootName, ...RESERVED]);
  for (const level of levels(root)) {
    const groups = new Map<string, Scope[]>();
    for (const scope of level) {
      const signature = signatureOf(initOf(scope, classOf), forwardOf(scope));
      const group = groups.get(signature);
      if (group === undefined) groups.set(signature, [scope]);
      else group.push(scope);
    }
    const largest = [...groups.values()].sort((a, b) => b.length - a.length);
    for (const scopes of largest) {
      const name = scopes[0] === root ? rootName : classNameFor(scopes, names);
      names.add(name);
      const definition = define(name, scopes, classOf);
      made.push(definition);
      for (const scope of scopes) classOf.set(scope, definition);
    }
  }
  return made;
}

/** The scopes that become classes, those without others inside first. */
function levels(root: Scope): readonly (readonly Scope[])[] {
  const found: Scope[][] = [];
  const visit = (scope: Scope): number => {
    const below = Math.max(-1, ...[...scope.children.values()].map(visit));
    if (scope.form !== "class" || (scope.items.length === 0 && scope.path.length > 0)) return below;
    const height = below + 1;
    found[height] ??= [];
    found[height].push(scope);
    return height;
  };
  visit(root);
  return found;
}

/** The lines of `__init__` after `super().__init__()`, in the order in which the forward pass uses what they make. */
function initOf(scope: Scope, classOf: ReadonlyMap<Scope, ModuleClass>): readonly Text[] {
  const names = new Set<string>();
  const depth = scope.path.length;
  for (const item of scope.items) {
    for (const piece of item.text) {
      if (typeof piece === "string" || piece.kind !== "member") continue;
      names.add(piece.path.split(".")[depth] ?? "");
    }
  }
  return [...names].flatMap((name) => madeAs(scope, name, ["self"], classOf));
}

/** The assignment of one child, or the several that fill a holder. */
function madeAs(
  scope: Scope,
  name: string,
  owner: readonly string[],
  classOf: ReadonlyMap<Scope, ModuleClass>,
): readonly Text[] {
  const holder = owner.reduce((all, part) =>
    isIdentifier(part) ? `${all}.${part}` : `${all}.get_submodule("${part}")`,
  );
  const child = scope.children.get(name);
  const member = scope.members.get(name);
  if (member?.kind === "buffer") {
    return [[`${holder}.register_buffer("${name}", `, ...member.constructor, ")"]];
  }
  const assign = (value: Text): Text =>
    !isIdentifier(name)
      ? [`${holder}.add_module("${name}", `, ...value, ")"]
      : [`${holder}.${name} = `, ...value];
  if (child?.form !== "holder" || isList(child)) {
    return [assign(constructorOf(scope, name, classOf, [...owner.slice(1), name]))];
  }
  const inner = [...new Set([...child.children.keys(), ...child.members.keys()])];
  const filled = inner.flatMap((part) => madeAs(child, part, [...owner, name], classOf));
  return [assign(["nn.Module()"]), ...filled];
}

/** A holder that can be an nn.ModuleList: all its parts are numbered and modules. */
function isList(scope: Scope): boolean {
  const names = [...scope.children.keys(), ...scope.members.keys()];
  const layers = [...scope.members.values()].every((member) => member.kind === "layer");
  const held = [...scope.children.values()].every(
    (child) => child.form !== "holder" || isList(child),
  );
  return layers && held && names.length > 0 && names.every((name) => /^\d+$/.test(name));
}

function constructorOf(
  scope: Scope,
  name: string,
  classOf: ReadonlyMap<Scope, ModuleClass>,
  owner: readonly string[],
): Text {
  const member = scope.members.get(name);
  const child = scope.children.get(name);
  if (member !== undefined) return owned(member.constructor, owner);
  if (child === undefined) return ["nn.Identity()"];
  if (child.form === "class") return call(child, classOf, owner);
  if (child.form === "dense") {
    const pairs = child.items.flatMap((item): readonly Text[] => {
      if (item.slot === null) return [];
      return [
        [`"${item.slot}": `, ...constructorOf(child, item.slot, classOf, [...owner, item.slot])],
      ];
    });
    return ["DenseBlock({", ...listed(pairs), "})"];
  }
  if (child.form === "holder") {
    const parts = [...child.children.keys(), ...child.members.keys()].map(
      (part) => [part, constructorOf(child, part, classOf, [...owner, part])] as const,
    );
    return ["nn.ModuleList([", ...listed(numberedParts(parts)), "])"];
  }
  const parts = child.items.map(
    (item) => [item.slot ?? "", stepOf(child, item, classOf, owner)] as const,
  );
  if (parts.every(([slot]) => /^\d+$/.test(slot))) {
    return ["nn.Sequential(", ...listed(numberedParts(parts)), ")"];
  }
  const pairs = parts.map(([slot, made]): Text => [`"${slot}": `, ...made]);
  return ["named({", ...listed(pairs), "})"];
}

function stepOf(
  scope: Scope,
  item: Item,
  classOf: ReadonlyMap<Scope, ModuleClass>,
  owner: readonly string[],
): Text {
  const slot = item.slot ?? "";
  if (item.statement?.layer === null) return item.statement.module ?? [];
  return constructorOf(scope, slot, classOf, [...owner, slot]);
}

// Numbers that are missing hold nothing: what stood there does nothing at inference, or was dropped.
function numberedParts(parts: readonly (readonly [string, Text])[]): readonly Text[] {
  const result: Text[] = [];
  for (const [name, made] of [...parts].sort(([a], [b]) => Number(a) - Number(b))) {
    while (result.length < Number(name)) result.push(["nn.Identity()"]);
    result.push(made);
  }
  return result;
}

function listed(parts: readonly Text[]): Text {
  return parts.flatMap((part, index): Text => (index === 0 ? part : [", ", ...part]));
}

function owned(made: Text, owner: readonly string[]): Text {
  const name = owner.join("_");
  return made.map((piece) => {
    if (typeof piece === "string" || piece.kind !== "hole") return piece;
    return { kind: "hole", hole: { ...piece.hole, owner: name } };
  });
}

/** The call that makes an instance of a module's class, its arguments as holes. */
function call(
  scope: Scope,
  classOf: ReadonlyMap<Scope, ModuleClass>,
  owner: readonly string[],
): Text {
  const definition = classOf.get(scope);
  if (definition === undefined) return [];
  const holes = holesOf([...initOf(scope, classOf), ...forwardOf(scope).lines]);
  const pieces: Piece[] = [];
  for (const argument of definition.arguments) {
    const [first = 0] = argument.holes;
    const base = {
      literal: holes[first]?.literal ?? "",
      owner: owner.join("_"),
      role: argument.role,
    };
    const { name, fallback } = argument;
    if (fallback === null && pieces.length > 0) pieces.push(", ");
    pieces.push({
      kind: "hole",
      hole: fallback === null ? base : { ...base, keyword: { name, fallback } },
    });
  }
  return [`${definition.name}(`, ...pieces, ")"];
}

export function holesOf(lines: readonly Text[]): readonly Hole[] {
  return lines
    .flat()
    .flatMap((piece) => (typeof piece !== "string" && piece.kind === "hole" ? [piece.hole] : []));
}

function signatureOf(init: readonly Text[], forward: Forward): string {
  const lines = [...init, [forward.inputs.join(",")], ...forward.lines];
  const depthless = lines.map((line) => line.map(formOfPiece).join(""));
  return depthless.join("\n");
}

function formOfPiece(piece: Piece): string {
  if (typeof piece === "string") return piece;
  if (piece.kind === "hole") {
    // A setting is left out where it is what it falls back to, which must be the same for all.
    const { keyword } = piece.hole;
    return `\u0001${keyword === undefined ? "" : `${keyword.name}=${keyword.fallback}`}\u0002`;
  }
  return piece.kind === "member" ? `\u0003${piece.path.split(".").at(-1)}` : piece.value;
}

/** The class of modules that have one form. */
function define(
  name: string,
  scopes: readonly Scope[],
  classOf: ReadonlyMap<Scope, ModuleClass>,
): ModuleClass {
  const [first] = scopes;
  const parts = scopes.map((scope) => ({
    init: initOf(scope, classOf),
    forward: forwardOf(scope),
  }));
  const filled = parts.map(({ init, forward }) => holesOf([...init, ...forward.lines]));
  const [part] = parts;
  const relative = (line: Text): Text => line.map((piece) => relativeTo(piece, first));
  const forward = part?.forward ?? { inputs: [], lines: [] };
  return {
    name,
    scopes,
    init: (part?.init ?? []).map(relative),
    forward: { ...forward, lines: forward.lines.map(relative) },
    arguments: argumentsOf(filled, holesOf(part?.init ?? []).length),
  };
}

/** A member as the class itself reaches it. */
function relativeTo(piece: Piece, scope: Scope | undefined): Piece {
  if (typeof piece === "string" || piece.kind !== "member" || scope === undefined) return piece;
  let text = "self";
  let inside: Scope | undefined = scope;
  for (const name of piece.path.split(".").slice(scope.path.length)) {
    const list: boolean = inside !== undefined && inside !== scope && isList(inside);
    if (isIdentifier(name)) text += `.${name}`;
    else text += list ? `[${name}]` : `.get_submodule("${name}")`;
    inside = inside?.children.get(name);
  }
  return text;
}
