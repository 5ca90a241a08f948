/** Pieces that the text of a module is made of before its classes are known. */
import type { ModuleParameter } from "./module-text.ts";

/** A literal that may differ between two places of the same form, and then becomes an argument of their class. */
export interface Hole {
  /** Python text. */
  readonly literal: string;
  /** What it belongs to, to name the argument by: the attribute ("conv1", or "") and the role in it. */
  readonly owner: string;
  readonly role: string;
  /** Written as `, name=literal`, and left out where it is the default. */
  readonly keyword?: { readonly name: string; readonly fallback: string };
}

export type Piece =
  | string
  | { readonly kind: "hole"; readonly hole: Hole }
  /** A value's variable or expression, put in brackets where it binds more loosely than its place takes. */
  | { readonly kind: "use"; readonly value: string; readonly takes: Binding }
  /** A submodule or parameter of the network, by its path. */
  | { readonly kind: "member"; readonly path: string };

export type Text = readonly Piece[];

/** How tightly an expression holds together: a name or call, a product, a sum, anything. */
export type Binding = "atom" | "product" | "sum" | "any";

const LOOSENESS = { atom: 0, product: 1, sum: 2, any: 3 } as const satisfies Record<
  Binding,
  number
>;

export function needsBrackets(expression: Binding, place: Binding): boolean {
  return LOOSENESS[expression] > LOOSENESS[place];
}

export function use(value: string): Piece {
  return { kind: "use", value, takes: "any" };
}

/** As `use`, where a method or an operator follows. */
export function tight(value: string, takes: Binding = "atom"): Piece {
  return { kind: "use", value, takes };
}

export function hole(literal: string | number, role: string, owner = ""): Piece {
  return { kind: "hole", hole: { literal: String(literal), owner, role } };
}

/** `, name=literal`, left out where it is the default. */
export function keyword(name: string, literal: string | number, fallback: string | number): Piece {
  const text = String(literal);
  return {
    kind: "hole",
    hole: { literal: text, owner: "", role: name, keyword: { name, fallback: String(fallback) } },
  };
}

/** A template of pieces; numbers become text. */
export function text(
  strings: TemplateStringsArray,
  ...values: readonly (Piece | Text | number)[]
): Text {
  const pieces: Piece[] = [];
  strings.forEach((part, index) => {
    if (part !== "") pieces.push(part);
    const value = values[index];
    if (value === undefined) return;
    if (typeof value === "number") pieces.push(String(value));
    else if (isText(value)) pieces.push(...value);
    else pieces.push(value);
  });
  return pieces;
}

function isText(value: Piece | Text): value is Text {
  return Array.isArray(value);
}

/** Pieces with something between them. */
export function joined(parts: readonly (Piece | Text)[], between: string): Text {
  return parts.flatMap((part, index): Text => {
    const own = isText(part) ? part : [part];
    return index === 0 ? own : [between, ...own];
  });
}

/** A tensor of a layer: the last part of its key ("weight"; "" for a bare parameter), and where it comes from. */
export type MemberTensor = Omit<ModuleParameter, "key"> & { readonly part: string };

/** Something with a place in the state_dict: a layer, or a bare parameter. */
export interface Member {
  /** Its path, as "layer1.0.conv1". */
  readonly path: readonly string[];
  /** What stands right of `self.conv1 =`; null for a buffer, which is registered with `value`. */
  readonly constructor: Text;
  readonly kind: "layer" | "parameter" | "buffer";
  readonly tensors: readonly MemberTensor[];
}

/** One assignment of a forward pass. */
export interface Statement {
  readonly outputs: readonly string[];
  /** Values that it reads, in the order of its text; constants are not among them. */
  readonly inputs: readonly string[];
  readonly text: Text;
  readonly binding: Binding;
  /** The path of the module whose forward pass it belongs to. */
  readonly scope: readonly string[];
  /** The layer that it calls with its only input. */
  readonly layer: Member | null;
  /** The same as a module without parameters, of its only input: `nn.ReLU()`. */
  readonly module: Text | null;
}
