import { InputError } from "../../core/errors.ts";
import { constantOf } from "../../graph/constants.ts";
import type { Graph, Node } from "../../graph/graph.ts";
import { hasTrait } from "../../graph/op-traits.ts";
import { elementCount } from "../../graph/tensor.ts";
import { consumersOf } from "../../graph/traversal.ts";
import type { Layer, Structure } from "../../structure/structure.ts";

/** A value on which the units that a layer produces can be watched. */
export interface UnitPoint {
  readonly value: string;
  /** Axis of the value along which the units lie. */
  readonly axis: number;
  /** At batch 1; the leading axis grows with the batch. */
  readonly shape: readonly number[];
}

/**
 * Where a layer's part of its units is complete: behind its BatchNormalization or the constant that is added as its bias, else
 * at its own output. Scaling a unit there by zero removes what the layer gives to it.
 * @throws InputError `importance/no-shape`
 */
export function outputPoint(structure: Structure, layer: Layer): UnitPoint {
  const { graph } = structure;
  let value: string = layer.normalisation ?? layer.id;
  if (layer.normalisation === null) {
    const reader = onlyReader(graph, value);
    if (reader?.opType === "Add" && hasConstantOperand(graph, reader, value)) {
      value = reader.outputs[0] ?? value;
    }
  }
  return pointAt(structure, layer, value);
}

/** As `outputPoint`, behind the activation functions that read that value alone. */
export function activationPoint(structure: Structure, layer: Layer): UnitPoint {
  const { graph } = structure;
  let { value } = outputPoint(structure, layer);
  for (;;) {
    const reader = onlyReader(graph, value);
    if (reader === null || !hasTrait(reader, "activation") || reader.inputs[0] !== value) break;
    value = reader.outputs[0] ?? value;
  }
  return pointAt(structure, layer, value);
}

function pointAt(structure: Structure, layer: Layer, value: string): UnitPoint {
  const shape = structure.shapes.of(value);
  if (shape === null || shape.length < 2) {
    throw new InputError({
      code: "importance/no-shape",
      message: `The output of layer '${layer.name}' has ${shape === null ? "an unknown shape" : `shape [${shape.join(", ")}]`}; a batch axis and one of units are needed.`,
      where: value,
      hint: "Score with a method that reads the weights alone, such as magnitude-l2.",
    });
  }
  const channels = layer.opType === "Conv" || layer.opType === "ConvTranspose";
  return { value, axis: channels ? 1 : shape.length - 1, shape };
}

/** The node that alone reads a value; null where there are several or where the value is an output. */
function onlyReader(graph: Graph, value: string): Node | null {
  const [reader, ...others] = consumersOf(graph).get(value) ?? [];
  if (reader === undefined || others.length > 0 || reader.domain !== "") return null;
  return graph.outputs.some((output) => output.name === value) ? null : reader;
}

function hasConstantOperand(graph: Graph, add: Node, value: string): boolean {
  const other = add.inputs.find((name) => name !== value);
  const constant = other === undefined ? null : constantOf(graph, other);
  // A constant as large as the value would be an image of its own, not a bias.
  return constant !== null && elementCount(constant.shape) === Math.max(...constant.shape, 1);
}
