/** What the lowering of every op shares: shapes, constants, and where layers and statements are put. */
import { InputError } from "../../../core/errors.ts";
import { constantOf } from "../../../graph/constants.ts";
import type { Extent, Graph, Node, Tensor } from "../../../graph/graph.ts";
import { nodeLabel } from "../../../graph/graph.ts";
import type { Shapes } from "../../../graph/shapes/infer.ts";
import type { ModuleParameter } from "../module-text.ts";
import { nodePath, parameterPath } from "../paths.ts";
import {
  type Binding,
  hole,
  joined,
  type Member,
  type MemberTensor,
  type Piece,
  type Statement,
  type Text,
  text,
  tight,
  use,
} from "../pieces.ts";
import { floatLiteral } from "../python-text.ts";

/** A layer or bare parameter to be made, before it has its place. */
export interface NewMember {
  readonly kind: Member["kind"];
  readonly constructor: Text;
  readonly tensors: readonly MemberTensor[];
  /** What to call it where no name says it. */
  readonly fallback: string;
}

export interface Lowering {
  readonly graph: Graph;
  readonly shapes: Shapes;
  readonly statements: Statement[];
  readonly members: Map<string, Member>;
  /** A value that is another one under a second name. */
  readonly aliases: Map<string, string>;
  /** The scope of the statement that made a value. */
  readonly scopes: Map<string, readonly string[]>;
  /** Values already computed, latest last, to take open extents from. */
  readonly computed: string[];
  readonly memberByTensors: Map<string, Member>;
}

export function resolved(lowering: Lowering, name: string): string {
  let found = name;
  for (
    let next = lowering.aliases.get(found);
    next !== undefined;
    next = lowering.aliases.get(found)
  ) {
    found = next;
  }
  return found;
}

/** The shape of a value; an error where even its rank is unknown. */
export function shapeAt(lowering: Lowering, node: Node, name: string): readonly Extent[] {
  const shape = lowering.shapes.of(name)?.shape;
  if (shape !== undefined) return shape;
  throw unsupported(node, `the shape of '${name}' isn't known`);
}

export function rankAt(lowering: Lowering, node: Node, index: number): number {
  return shapeAt(lowering, node, node.inputs[index] ?? "").length;
}

export function constantAt(lowering: Lowering, node: Node, index: number): Tensor | null {
  const name = node.inputs[index] ?? "";
  return name === "" ? null : constantOf(lowering.graph, name);
}

export function unsupported(node: Node, reason: string): InputError {
  return new InputError({
    code: "pytorch/unsupported-op",
    message: `${node.opType} '${nodeLabel(node)}' can't be written as PyTorch: ${reason}.`,
    where: `node '${nodeLabel(node)}'`,
    hint: "Fine-tune this network with mdp finetune, or export it again with sizes that are fixed but for the batch.",
  });
}

/**
 * An operand as text: a literal where it is a single constant number, a parameter where it is a larger constant, otherwise a
 * use of its value.
 */
export function operand(
  lowering: Lowering,
  node: Node,
  index: number,
  takes: Binding = "atom",
): Operand {
  const given = node.inputs[index] ?? "";
  // A constant may have a second name, from a step that leaves it as it is.
  const name = constantOf(lowering.graph, given) === null ? resolved(lowering, given) : given;
  const literal = scalarAt(lowering, node, index);
  if (literal !== null) {
    const bare = takes === "any" || !literal.startsWith("-");
    return { piece: bare ? literal : `(${literal})`, inputs: [] };
  }
  const tensor = constantOf(lowering.graph, name);
  if (tensor !== null) {
    const member = bareParameter(lowering, node, name, tensor);
    return { piece: { kind: "member", path: member.path.join(".") }, inputs: [] };
  }
  return { piece: tight(name, takes), inputs: [name] };
}

export interface Operand {
  readonly piece: Piece;
  readonly inputs: readonly string[];
}

/** A constant of one element as Python; null where it isn't one. */
export function scalarAt(lowering: Lowering, node: Node, index: number): string | null {
  const name = node.inputs[index] ?? "";
  const values = name === "" ? null : lowering.shapes.constant(name);
  const shape = lowering.shapes.of(name)?.shape;
  const stored = lowering.graph.initializers.has(name) && (shape?.length ?? 0) > 0;
  const [value] = values ?? [];
  if (values?.length !== 1 || typeof value !== "number" || stored) return null;
  const type = lowering.shapes.of(name)?.type;
  return type === "float32" || type === "float64" ? floatLiteral(value) : String(value);
}

/** A constant that no layer holds, as a parameter of the module that reads it; integers as a buffer. */
export function bareParameter(
  lowering: Lowering,
  node: Node,
  name: string,
  tensor: Tensor,
  path?: readonly string[],
): Member {
  const float = tensor.type === "float32" || tensor.type === "float64";
  if (!float && tensor.type !== "int64" && tensor.type !== "int32") {
    throw unsupported(node, `its constant '${name}' is ${tensor.type}`);
  }
  const trained = float && lowering.graph.initializers.has(name);
  const sizes = joined(
    tensor.shape.map((size) => hole(size, "size")),
    ", ",
  );
  const zeros = float
    ? text`torch.zeros(${sizes})`
    : text`torch.zeros((${sizes}${tensor.shape.length === 1 ? "," : ""}), dtype=torch.int64)`;
  const value = trained && tensor.shape.length > 1 ? text`0.02 * torch.randn(${sizes})` : zeros;
  return member(lowering, node, [path ?? parameterPath(name)], {
    kind: trained ? "parameter" : "buffer",
    constructor: trained ? ["nn.Parameter(", ...value, ")"] : value,
    tensors: [
      {
        part: "",
        ...tensorOf(name, tensor.shape, { buffer: !trained, type: float ? "float32" : "int64" }),
      },
    ],
    fallback: trained ? "weight" : "constant",
  });
}

export function tensorOf(
  initializer: string,
  shape: readonly number[],
  rest: Partial<Pick<ModuleParameter, "change" | "buffer" | "type">> = {},
): Omit<ModuleParameter, "key"> {
  return { initializer, shape, change: "none", buffer: false, type: "float32", ...rest };
}

/** Puts a layer or parameter at the first of the paths that is free; the same tensors are the same member. */
export function member(
  lowering: Lowering,
  node: Node,
  paths: readonly (readonly string[] | null)[],
  made: NewMember,
): Member {
  const identity = JSON.stringify([made.tensors, made.constructor]);
  const known = lowering.memberByTensors.get(identity);
  if (known !== undefined) return known;
  const scope = scopeOf(lowering, node);
  const named = paths.find((path) => path !== null && path.length > 0 && isFree(lowering, path));
  const path = named ?? numbered(lowering, scope, made.fallback);
  const added: Member = {
    path,
    constructor: made.constructor,
    kind: made.kind,
    tensors: made.tensors,
  };
  lowering.members.set(path.join("."), added);
  lowering.memberByTensors.set(identity, added);
  return added;
}

// A layer can't hold another: neither its path nor one above or below it may be taken.
function isFree(lowering: Lowering, path: readonly string[]): boolean {
  const own = path.join(".");
  for (const taken of lowering.members.keys()) {
    if (taken === own || taken.startsWith(`${own}.`) || own.startsWith(`${taken}.`)) return false;
  }
  return true;
}

function numbered(lowering: Lowering, scope: readonly string[], base: string): readonly string[] {
  for (let depth = scope.length; ; depth = Math.max(0, depth - 1)) {
    const above = scope.slice(0, depth);
    if (depth > 0 && lowering.members.has(above.join("."))) continue;
    for (let count = 1; count < 10_000; count += 1) {
      const path = [...above, `${base}${count}`];
      if (isFree(lowering, path)) return path;
    }
  }
}

/** The module that a node belongs to: by its name, otherwise with the value that it reads. */
export function scopeOf(lowering: Lowering, node: Node): readonly string[] {
  const path = nodePath(node);
  if (path !== null) return path;
  for (const name of node.inputs) {
    const scope = lowering.scopes.get(resolved(lowering, name));
    if (scope !== undefined) return scope;
  }
  return [];
}

export interface Written {
  readonly text: Text;
  readonly inputs: readonly string[];
  readonly binding?: Binding;
  readonly module?: Text | null;
  readonly outputs?: readonly string[];
}

/** Adds a statement for a node. */
export function emit(lowering: Lowering, node: Node, written: Written): void {
  const { inputs, outputs = node.outputs.slice(0, 1), binding = "atom", module = null } = written;
  add(lowering, node, {
    outputs,
    inputs,
    text: written.text,
    binding,
    module,
    layer: null,
    scope: scopeOf(lowering, node),
  });
}

/** Adds the call of a layer with one value. */
export function emitLayer(
  lowering: Lowering,
  node: Node,
  layer: Member,
  input: string,
  output = node.outputs[0] ?? "",
): void {
  const path = layer.path.join(".");
  add(lowering, node, {
    outputs: [output],
    inputs: [input],
    text: text`${{ kind: "member", path } satisfies Piece}(${use(input)})`,
    binding: "atom",
    module: null,
    layer,
    scope: layer.path.slice(0, -1),
  });
}

function add(lowering: Lowering, node: Node, statement: Statement): void {
  for (const input of statement.inputs) {
    const isMade = lowering.scopes.has(input);
    if (isMade || lowering.graph.inputs.some(({ name }) => name === input)) continue;
    throw unsupported(node, `it computes with the constant '${input}' alone`);
  }
  lowering.statements.push(statement);
  for (const output of statement.outputs) {
    lowering.computed.push(output);
    lowering.scopes.set(output, statement.scope);
  }
}

/** An extent as Python: a number, or read off a computed value that has it. */
export function extentPiece(
  lowering: Lowering,
  node: Node,
  extent: Extent,
): { readonly text: Text; readonly inputs: readonly string[] } {
  if (typeof extent === "number") return { text: [String(extent)], inputs: [] };
  const inputs = lowering.graph.inputs.map((value) => value.name);
  for (const name of [...[...lowering.computed].reverse(), ...inputs]) {
    const axis = extent === null ? -1 : (lowering.shapes.of(name)?.shape.indexOf(extent) ?? -1);
    if (axis >= 0) return { text: text`${use(name)}.shape[${axis}]`, inputs: [name] };
  }
  throw unsupported(node, `it needs an extent ${String(extent)} that no tensor before it has`);
}
