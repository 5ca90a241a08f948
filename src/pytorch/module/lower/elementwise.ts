/** Ops that work element by element. */
import { floatAttribute, intAttribute, type Node, stringAttribute } from "../../../graph/graph.ts";
import { type Binding, joined, type Piece, type Text, text, tight } from "../pieces.ts";
import { floatLiteral } from "../python-text.ts";
import { emit, type Lowering, operand, resolved, scalarAt, unsupported } from "./context.ts";

/** Functions of one tensor without settings: the functional form, and the module's name where there is one. */
const FUNCTIONS: ReadonlyMap<string, readonly [string, string?]> = new Map([
  ["Relu", ["F.relu", "ReLU"]],
  ["Sigmoid", ["torch.sigmoid", "Sigmoid"]],
  ["Tanh", ["torch.tanh", "Tanh"]],
  ["HardSwish", ["F.hardswish", "Hardswish"]],
  ["Softplus", ["F.softplus", "Softplus"]],
  ["Softsign", ["F.softsign", "Softsign"]],
  ["Mish", ["F.mish", "Mish"]],
  ["Erf", ["torch.erf"]],
  ["Exp", ["torch.exp"]],
  ["Log", ["torch.log"]],
  ["Sqrt", ["torch.sqrt"]],
  ["Abs", ["torch.abs"]],
  ["Neg", ["torch.neg"]],
  ["Reciprocal", ["torch.reciprocal"]],
  ["Floor", ["torch.floor"]],
  ["Ceil", ["torch.ceil"]],
  ["Round", ["torch.round"]],
  ["Sign", ["torch.sign"]],
  ["Sin", ["torch.sin"]],
  ["Cos", ["torch.cos"]],
  ["Tan", ["torch.tan"]],
  ["Asin", ["torch.asin"]],
  ["Acos", ["torch.acos"]],
  ["Atan", ["torch.atan"]],
  ["Sinh", ["torch.sinh"]],
  ["Cosh", ["torch.cosh"]],
  ["Not", ["torch.logical_not"]],
  ["IsNaN", ["torch.isnan"]],
  ["IsInf", ["torch.isinf"]],
]);

/** What a function of one tensor is in PyTorch: text around its operand, and the module. */
interface Called {
  readonly before: string;
  readonly after: Text;
  /** What the operand's place takes without brackets; anything unless given. */
  readonly takes?: Binding;
  readonly module: Text | null;
}

function calledWith(name: string, module: string | null, settings: Text): Called {
  const bare = settings.length > 0 ? settings.slice(1) : settings;
  const first = settings[0] === ", " ? bare : settings;
  return {
    before: `${name}(`,
    after: [...settings, ")"],
    module: module === null ? null : text`nn.${[module]}(${first})`,
  };
}

function settingsOf(...values: readonly string[]): Text {
  return values.flatMap((value) => [", ", value]);
}

export function unary(lowering: Lowering, node: Node, name: string): void {
  const input = resolved(lowering, node.inputs[0] ?? "");
  if (name === "Identity" || name === "Dropout") {
    lowering.aliases.set(node.outputs[0] ?? "", input);
    return;
  }
  if (name === "Clip" && !isBounded(node)) {
    lowering.aliases.set(node.outputs[0] ?? "", input);
    return;
  }
  const called = plain(name) ?? withSettings(lowering, node, name);
  if (called === null) throw unsupported(node, "PyTorch has no function of this name here");
  emit(lowering, node, {
    text: text`${[called.before]}${tight(input, called.takes ?? "any")}${called.after}`,
    inputs: [input],
    module: called.module,
  });
}

function plain(name: string): Called | null {
  const found = FUNCTIONS.get(name);
  return found === undefined ? null : calledWith(found[0], found[1] ?? null, []);
}

function withSettings(lowering: Lowering, node: Node, name: string): Called | null {
  const number = (key: string, otherwise: number): string =>
    floatLiteral(floatAttribute(node, key, otherwise));
  switch (name) {
    case "Clip":
      return clip(lowering, node);
    case "LeakyRelu":
      return calledWith("F.leaky_relu", "LeakyReLU", settingsOf(number("alpha", 0.01)));
    case "Elu":
      return calledWith("F.elu", "ELU", settingsOf(number("alpha", 1)));
    case "Celu":
      return calledWith("F.celu", "CELU", settingsOf(number("alpha", 1)));
    case "ThresholdedRelu":
      return calledWith("F.threshold", "Threshold", settingsOf(number("alpha", 1), "0.0"));
    case "Gelu": {
      const tanh = stringAttribute(node, "approximate", "none") === "tanh";
      return calledWith("F.gelu", "GELU", tanh ? [", ", 'approximate="tanh"'] : []);
    }
    case "Selu":
      return isNear(node, "alpha", 1.6732632) && isNear(node, "gamma", 1.050701)
        ? calledWith("F.selu", "SELU", [])
        : null;
    case "HardSigmoid":
      return hardSigmoid(node);
    default:
      return null;
  }
}

function isNear(node: Node, name: string, value: number): boolean {
  return Math.abs(floatAttribute(node, name, value) - value) < 1e-6;
}

/** max(0, min(1, alpha x + beta)); PyTorch's has the slope 1/6. */
export function isPlainHardSigmoid(node: Node): boolean {
  return (
    Math.abs(floatAttribute(node, "alpha", 0.2) - 1 / 6) < 1e-6 &&
    floatAttribute(node, "beta", 0.5) === 0.5
  );
}

function hardSigmoid(node: Node): Called {
  if (isPlainHardSigmoid(node)) return calledWith("F.hardsigmoid", "Hardsigmoid", []);
  const alpha = floatLiteral(floatAttribute(node, "alpha", 0.2));
  const beta = floatLiteral(floatAttribute(node, "beta", 0.5));
  return {
    before: `torch.clamp(${alpha} * `,
    after: [` + ${beta}, 0.0, 1.0)`],
    module: null,
    takes: "atom",
  };
}

function isBounded({ inputs, attributes }: Node): boolean {
  const given = inputs.slice(1).some((name) => name !== "");
  return given || attributes.has("min") || attributes.has("max");
}

function clip(lowering: Lowering, node: Node): Called {
  const bound = (index: number, key: string): string | null => {
    if ((node.inputs[index] ?? "") !== "") {
      const scalar = scalarOf(lowering, node, index);
      if (scalar === null) throw unsupported(node, "its bounds are computed");
      return scalar;
    }
    const attribute = node.attributes.get(key);
    return attribute?.kind === "float" ? floatLiteral(attribute.value) : null;
  };
  const [low, high] = [bound(1, "min"), bound(2, "max")];
  if (low === "0.0" && high === "6.0") return calledWith("F.relu6", "ReLU6", []);
  if (low === "0.0" && high === null) return calledWith("F.relu", "ReLU", []);
  const settings = [low === null ? "" : `, min=${low}`, high === null ? "" : `, max=${high}`];
  return {
    before: "torch.clamp(",
    after: [...settings.filter((part) => part !== ""), ")"],
    module: null,
  };
}

// A stored bound of one element counts as a number even where it has an axis.
function scalarOf(lowering: Lowering, node: Node, index: number): string | null {
  const values = lowering.shapes.constant(node.inputs[index] ?? "");
  const [value] = values ?? [];
  return values?.length === 1 && typeof value === "number" ? floatLiteral(value) : null;
}

const OPERATORS: ReadonlyMap<string, string> = new Map([
  ["Add", "+"],
  ["Sub", "-"],
  ["Mul", "*"],
  ["Div", "/"],
  ["Pow", "**"],
  ["Equal", "=="],
  ["Greater", ">"],
  ["GreaterOrEqual", ">="],
  ["Less", "<"],
  ["LessOrEqual", "<="],
  ["And", "&"],
  ["Or", "|"],
  ["Xor", "^"],
]);

function bindingOf(operator: string): Binding {
  if (operator === "+" || operator === "-") return "sum";
  return operator === "*" || operator === "/" ? "product" : "any";
}

/** What an operand may be without brackets: sums and products go from left to right, in the order of the network. */
function takenBy(operator: string, index: number): Binding {
  const binding = bindingOf(operator);
  if (binding === "sum") return index === 0 ? "sum" : "product";
  return binding === "product" && index === 0 ? "product" : "atom";
}

const EXTREMES: ReadonlyMap<string, readonly [string, string]> = new Map([
  ["Max", ["maximum", "min"]],
  ["Min", ["minimum", "max"]],
]);

export function elementwise(lowering: Lowering, node: Node, name: string): void {
  const operator = OPERATORS.get(name);
  const parts = node.inputs.map((_, index) =>
    operand(lowering, node, index, operator === undefined ? "any" : takenBy(operator, index)),
  );
  const inputs = parts.flatMap((part) => part.inputs);
  const pieces = parts.map((part) => part.piece);
  const [first = "", second = ""] = pieces;
  if (operator !== undefined) {
    const integers =
      name === "Div" && /int/.test(lowering.shapes.of(node.inputs[0] ?? "")?.type ?? "");
    emit(lowering, node, {
      text: text`${first} ${integers ? "//" : operator} ${second}`,
      inputs,
      binding: bindingOf(operator),
    });
    return;
  }
  const extreme = EXTREMES.get(name);
  if (extreme !== undefined) {
    emit(lowering, node, { text: extremeText(lowering, node, extreme, pieces), inputs });
  } else if (name === "Sum" || name === "Mean") {
    const sum = joined(
      node.inputs.map((_, index) => operand(lowering, node, index).piece),
      " + ",
    );
    const whole = name === "Sum" ? sum : text`(${sum}) / ${pieces.length}`;
    emit(lowering, node, { text: whole, inputs, binding: name === "Sum" ? "sum" : "product" });
  } else if (name === "Where") {
    emit(lowering, node, { text: text`torch.where(${joined(pieces, ", ")})`, inputs });
  } else if (name === "Mod") {
    // Numbers with a point have the rule of C only.
    const rule = intAttribute(node, "fmod", 0) === 0 ? "remainder" : "fmod";
    emit(lowering, node, { text: text`torch.${[rule]}(${first}, ${second})`, inputs });
  } else {
    throw unsupported(node, "PyTorch has no function of this name here");
  }
}

function extremeText(
  lowering: Lowering,
  node: Node,
  [together, bound]: readonly [string, string],
  pieces: readonly Piece[],
): Text {
  const isScalar = (index: number): boolean => scalarAt(lowering, node, index) !== null;
  const tensors = pieces.filter((_, index) => !isScalar(index));
  const scalars = pieces.filter((_, index) => isScalar(index));
  const [first = "", ...rest] = tensors;
  const joint = rest.reduce<Text>(
    (all, piece) => text`torch.${[together]}(${all}, ${piece})`,
    [first],
  );
  return scalars.reduce<Text>(
    (all, piece) => text`torch.clamp(${all}, ${[bound]}=${piece})`,
    joint,
  );
}
