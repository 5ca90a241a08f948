import { parseSync, type Node as SyntaxNode, Visitor } from "oxc-parser";

/** One change of a source file. */
export interface Mutant {
  readonly start: number;
  readonly end: number;
  readonly replacement: string;
  /** Kind of change, for people. */
  readonly what: string;
}

const OPERATORS: Readonly<Record<string, string>> = {
  ...{ "<": "<=", "<=": "<", ">": ">=", ">=": ">", "===": "!==", "!==": "===" },
  ...{ "+": "-", "-": "+", "*": "/", "/": "*", "%": "*", "&&": "||", "||": "&&" },
};

/**
 * All mutants of a file by its syntax tree, in the order of the file: comparison, arithmetic and logical operators, negated conditions,
 * numbers one larger, statements left out, returned values left out. Imports, types and what is thrown are left alone, and so
 * are literals that stand in for an element that is always there (`list[at] ?? 0`), which only the compiler asks for.
 */
export function mutantsOf(file: string, text: string): readonly Mutant[] {
  const { program, errors } = parseSync(file, text);
  if (errors.length > 0) throw new Error(`${file}: ${errors[0]?.message}`);
  const found: Mutant[] = [];
  const silent: { start: number; end: number }[] = [];
  const put = (
    { start, end }: { start: number; end: number },
    replacement: string,
    what: string,
  ): void => {
    found.push({ start, end, replacement, what });
  };
  const operator = (node: { operator: string; left: SyntaxNode; right: SyntaxNode }): void => {
    const other = OPERATORS[node.operator];
    const from = text.indexOf(node.operator, node.left.end);
    if (other === undefined || from < 0 || from >= node.right.start) return;
    put(
      { start: from, end: from + node.operator.length },
      other,
      `${node.operator} becomes ${other}`,
    );
  };
  const condition = ({ test }: { test: SyntaxNode }): void => {
    put(test, `!(${text.slice(test.start, test.end)})`, "negated condition");
  };
  new Visitor({
    BinaryExpression: operator,
    LogicalExpression: (node) => {
      operator(node);
      if (isStandIn(node, text)) silent.push({ start: node.right.start, end: node.right.end });
    },
    IfStatement: condition,
    ConditionalExpression: condition,
    Literal: (node) => {
      if (typeof node.value === "number")
        put(node, String(node.value + 1), `${node.value} becomes ${node.value + 1}`);
    },
    ExpressionStatement: (node) => put(node, ";", "statement left out"),
    ReturnStatement: (node) => {
      if (node.argument !== null)
        put(node, "return undefined as never;", "returned value left out");
    },
    ThrowStatement: ({ start, end }) => {
      silent.push({ start, end });
    },
    TSTypeAnnotation: ({ start, end }) => {
      silent.push({ start, end });
    },
  }).visit(program);
  const isIn = (at: number): boolean => silent.some(({ start, end }) => at >= start && at < end);
  return found.filter(({ start }) => !isIn(start)).sort((a, b) => a.start - b.start);
}

/** `list[at] ?? 0`, `lists[at]?.[0] ?? 0` and `list.at(-1) ?? 0`: the element is there, but its type doesn't say so. */
function isStandIn(
  { operator, left, right }: { operator: string; left: SyntaxNode; right: SyntaxNode },
  text: string,
): boolean {
  const element = /(\]|\.at\([^()]*\))$/.test(text.slice(left.start, left.end).trimEnd());
  return operator === "??" && element && right.type === "Literal";
}

export function mutated(text: string, { start, end, replacement }: Mutant): string {
  return text.slice(0, start) + replacement + text.slice(end);
}
