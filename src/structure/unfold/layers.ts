import { at } from "../../core/at.ts";
import {
  type Attribute,
  floatAttribute,
  intAttribute,
  type Node,
  stringAttribute,
} from "../../graph/graph.ts";
import {
  type Fused,
  Kept,
  MICROSOFT,
  optional,
  required,
  scalar,
  stepsOf,
  type Unfold,
} from "./rule.ts";

/** Which attributes belong to the activation and not to the layer. */
const OF_ACTIVATION = /^activation/;

/** The activation that a layer was fused with; reads `x` and gives the op's output. */
function activate(fused: Fused, x: string): void {
  const { node } = fused;
  const { last } = stepsOf(fused);
  const type = stringAttribute(node, "activation", "");
  const params = floatsOf(node.attributes.get("activation_params"));
  const [first, second] = [
    floatAttribute(node, "activation_alpha", params[0] ?? Number.NaN),
    floatAttribute(node, "activation_beta", params[1] ?? Number.NaN),
  ];
  switch (type) {
    case "Relu":
    case "Sigmoid":
    case "Tanh":
      last(type, [x]);
      return;
    case "LeakyRelu":
      last(type, [x], Number.isNaN(first) ? {} : { alpha: { float: first } });
      return;
    case "HardSigmoid":
      last(type, [x], {
        ...(Number.isNaN(first) ? {} : { alpha: { float: first } }),
        ...(Number.isNaN(second) ? {} : { beta: { float: second } }),
      });
      return;
    case "Clip": {
      const bounds = [scalar(fused, "low", first), scalar(fused, "high", second)];
      last("Clip", [x, ...bounds]);
      return;
    }
    default:
      throw new Kept(`its activation '${type}' is not known here`);
  }
}

function floatsOf(attribute: Attribute | undefined): readonly number[] {
  return attribute?.kind === "floats" ? attribute.value : [];
}

/** A layer with an activation behind it; `added` is an input that is added before the activation. */
function layer(opType: string, added: number | null): Unfold {
  return (fused) => {
    const { node, writer } = fused;
    const output = at(node.outputs, 0);
    const sum = added === null ? null : optional(fused, added);
    const attributes = new Map([...node.attributes].filter(([name]) => !OF_ACTIVATION.test(name)));
    const isPlain = stringAttribute(node, "activation", "") === "";
    const own = isPlain && sum === null ? output : writer.fresh(`${output}_${opType}`);
    writer.push({
      ...withoutSource(node),
      ...{ opType, domain: "", attributes, outputs: [own] },
      inputs: node.inputs.slice(0, 3),
    });
    if (isPlain && sum === null) return;
    const { step, last } = stepsOf(fused);
    if (sum !== null && isPlain) last("Add", [own, sum]);
    else activate(fused, sum === null ? own : step("Add", [own, sum]));
  };
}

function withoutSource(node: Node): Node {
  const { source: _read, ...rest } = node;
  return rest;
}

/** A product of transposed operands, times a number. */
const fusedMatMul: Unfold = (fused) => {
  const { node, shapes } = fused;
  const { step, last } = stepsOf(fused);
  const operands = ["A", "B"].map((side, index) => {
    const name = required(fused, index);
    if (intAttribute(node, `transBatch${side}`, 0) !== 0)
      throw new Kept("it moves the batch axis of an operand");
    if (intAttribute(node, `trans${side}`, 0) === 0) return name;
    const rank = shapes.of(name)?.shape.length;
    if (rank === undefined || rank < 2) throw new Kept(`the rank of '${name}' is not known`);
    const perm = Array.from({ length: rank }, (_, axis) => axis);
    return step("Transpose", [name], { perm: [...perm.slice(0, -2), rank - 1, rank - 2] });
  });
  const alpha = floatAttribute(node, "alpha", 1);
  if (alpha === 1) last("MatMul", operands);
  else last("Mul", [step("MatMul", operands), scalar(fused, "alpha", alpha)]);
};

export const fusedLayers: readonly (readonly [string, Unfold])[] = [
  [`${MICROSOFT}:FusedConv`, layer("Conv", 3)],
  [`${MICROSOFT}:FusedGemm`, layer("Gemm", null)],
  [`${MICROSOFT}:FusedMatMul`, fusedMatMul],
];
