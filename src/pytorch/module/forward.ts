/** The steps of a forward pass as lines of Python: what is used once goes where it is used, variables get short names. */
import { type Binding, needsBrackets, type Piece, type Text, use } from "./pieces.ts";
import { type Item, LIST, type Scope } from "./scope.ts";

/** Deepest nesting and greatest length of an expression, before it gets a line of its own. */
const DEPTH = 3;
const LENGTH = 72;
/** What a literal counts for, so that blocks of other widths break at the same places. */
const HOLE_LENGTH = 4;

interface Expression {
  readonly text: Text;
  readonly binding: Binding;
  readonly depth: number;
  readonly length: number;
  /** Calls a module that has modules of its own. */
  readonly calls: boolean;
}

interface Line {
  readonly targets: readonly string[];
  readonly text: Text;
}

/** Lines without holes filled in, and the names of the inputs. */
export interface Forward {
  readonly inputs: readonly string[];
  readonly lines: readonly Text[];
}

export function forwardOf(scope: Scope): Forward {
  const lines = linesOf(scope);
  const names = allocate(scope.inputs, lines);
  const named = lines.map(({ targets, text }): Text => {
    const body = text.map((piece) => variable(piece, names));
    if (targets.length === 0) return ["return ", ...body];
    return [`${targets.map((target) => names.get(target)?.name ?? "_").join(", ")} = `, ...body];
  });
  // A name is reused, so each line has its own view of them.
  return { inputs: scope.inputs.map((input) => names.get(input)?.name ?? "x"), lines: named };
}

function variable(piece: Piece, names: ReadonlyMap<string, Variable>): Piece {
  if (typeof piece === "string" || piece.kind !== "use") return piece;
  return names.get(piece.value)?.name ?? piece.value;
}

/** Assignments in order, the last without targets: what is returned. */
function linesOf(scope: Scope): readonly Line[] {
  const uses = countUses(scope);
  const pending = new Map<string, Expression>();
  const lines: Line[] = [];
  const flush = (value: string): void => {
    const expression = pending.get(value);
    pending.delete(value);
    if (expression !== undefined) lines.push({ targets: [value], text: expression.text });
  };
  for (const item of scope.items) {
    const expression = combined(item, pending, flush);
    const [output = ""] = item.outputs;
    if (item.outputs.length === 1 && uses.get(output) === 1) pending.set(output, expression);
    else lines.push({ targets: item.outputs, text: expression.text });
  }
  const [only = ""] = scope.outputs;
  const last = pending.get(only);
  if (scope.outputs.length === 1 && last !== undefined)
    lines.push({ targets: [], text: last.text });
  else {
    for (const output of scope.outputs) flush(output);
    const listed = scope.outputs.flatMap((value, index): Text => {
      return index === 0 ? [use(value)] : [", ", use(value)];
    });
    lines.push({ targets: [], text: listed });
  }
  return lines;
}

function countUses(scope: Scope): ReadonlyMap<string, number> {
  const uses = new Map<string, number>();
  const add = (value: string): void => {
    uses.set(value, (uses.get(value) ?? 0) + 1);
  };
  for (const item of scope.items) for (const value of usedIn(item.text)) add(value);
  for (const output of scope.outputs) add(output);
  return uses;
}

function usedIn(text: Text): readonly string[] {
  return text.flatMap((piece) =>
    typeof piece !== "string" && piece.kind === "use" ? [piece.value] : [],
  );
}

/** An item with its operands' expressions in place, as far as it stays readable; the others become variables first. */
function combined(
  item: Item,
  pending: Map<string, Expression>,
  flush: (value: string) => void,
): Expression {
  const calls = item.child !== null;
  const own = measure(item.text);
  const operands = usedIn(item.text).filter((value) => pending.has(value));
  const found = (value: string): Expression | undefined => pending.get(value);
  const total = (): number =>
    operands.reduce((sum, value) => sum + (found(value)?.length ?? 0), own);
  const depth = (): number => Math.max(0, ...operands.map((value) => found(value)?.depth ?? 0)) + 1;
  for (const value of [...operands].sort(
    (a, b) => (found(b)?.length ?? 0) - (found(a)?.length ?? 0),
  )) {
    const expression = found(value);
    const chained = calls && expression?.calls === true;
    if (total() > LENGTH || depth() > DEPTH || chained) flush(value);
  }
  const inlined = operands.flatMap((value) => found(value) ?? []);
  const result: Expression = {
    text: item.text.flatMap((piece) => inline(piece, pending)),
    binding: item.binding,
    depth: depth(),
    length: total(),
    calls: calls || inlined.some((expression) => expression.calls),
  };
  for (const value of operands) pending.delete(value);
  return result;
}

function inline(piece: Piece, pending: ReadonlyMap<string, Expression>): Text {
  if (typeof piece === "string" || piece.kind !== "use") return [piece];
  const expression = pending.get(piece.value);
  if (expression === undefined) return [piece];
  const brackets = needsBrackets(expression.binding, piece.takes);
  return brackets ? ["(", ...expression.text, ")"] : expression.text;
}

function measure(text: Text): number {
  return text.reduce((sum, piece) => {
    if (typeof piece === "string") return sum + piece.length;
    if (piece.kind === "use") return sum + 1;
    return (
      sum + (piece.kind === "hole" ? HOLE_LENGTH : 5 + (piece.path.split(".").at(-1)?.length ?? 0))
    );
  }, 0);
}

interface Variable {
  readonly name: string;
}

const NAMES = "x y z u v w p q r s t a b c d e g h i j k l m n o".split(" ");

/** Short names for values: one that is read for the last time gives its name to what is made of it. */
function allocate(
  inputs: readonly string[],
  lines: readonly Line[],
): ReadonlyMap<string, Variable> {
  const lastUse = new Map<string, number>();
  for (const [index, line] of lines.entries())
    for (const value of usedIn(line.text)) lastUse.set(value, index);
  const names = new Map<string, Variable>();
  const live = new Map<string, string>();
  const free = (): string => {
    const taken = new Set(live.values());
    const short = NAMES.find((name) => !taken.has(name));
    return short ?? `x${taken.size}`;
  };
  const give = (value: string, name: string): void => {
    names.set(value, { name });
    live.set(value, name);
  };
  for (const input of inputs) give(input, input.endsWith(LIST) ? "features" : free());
  for (const [index, line] of lines.entries()) {
    for (const value of usedIn(line.text))
      if ((lastUse.get(value) ?? index) <= index) live.delete(value);
    for (const target of line.targets) {
      const dying = usedIn(line.text).flatMap((value) => names.get(value)?.name ?? []);
      const taken = new Set(live.values());
      const reused = dying
        .filter((name) => NAMES.includes(name) && !taken.has(name))
        .sort((a, b) => NAMES.indexOf(a) - NAMES.indexOf(b))[0];
      give(target, reused ?? free());
      if (!lastUse.has(target)) live.delete(target);
    }
  }
  return names;
}
