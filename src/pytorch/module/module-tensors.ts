import { InternalError } from "../../core/errors.ts";
import { constantOf } from "../../graph/constants.ts";
import type { Graph } from "../../graph/graph.ts";
import { floatsOf, integersOf } from "../../graph/tensor.ts";
import type { ModuleParameter, ModuleTensor, PyTorchModule } from "./module-text.ts";

/** The module's tensors with the network's values, one at a time, in the order of `module.parameters`. */
export function* moduleTensors(
  graph: Graph,
  module: Pick<PyTorchModule, "parameters">,
): Generator<ModuleTensor> {
  for (const parameter of module.parameters) yield moduleTensor(graph, parameter);
}

/**
 * One tensor of the module with the network's values. Where nothing changes it is a view: don't write to it.
 * @throws InternalError `pytorch/no-such-constant`
 */
export function moduleTensor(graph: Graph, parameter: ModuleParameter): ModuleTensor {
  const tensor = constantOf(graph, parameter.initializer);
  if (tensor === null) {
    throw new InternalError({
      code: "pytorch/no-such-constant",
      message: `The network has no constant '${parameter.initializer}' for '${parameter.key}'.`,
    });
  }
  const { key, shape } = parameter;
  if (parameter.type === "int64") {
    return { key, shape, values: BigInt64Array.from(integersOf(tensor), BigInt) };
  }
  const values = floatsOf(tensor);
  if (parameter.change === "none") return { key, shape, values };
  return { key, shape, values: transposed(values, shape) };
}

/**
 * A tensor of the module as the network's constant holds it: the inverse of `moduleTensor`.
 * @returns row-major float32 in the constant's own shape
 */
export function constantValues(parameter: ModuleParameter, values: Float32Array): Float32Array {
  if (parameter.change === "none") return values;
  return transposed(values, [parameter.shape[1] ?? 1, parameter.shape[0] ?? 1]);
}

/** Elements of a matrix whose transpose has the given shape (rows, columns), in the transpose's order. */
function transposed(values: Float32Array, shape: readonly number[]): Float32Array {
  const [rows = 1, columns = 1] = shape;
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    for (let column = 0; column < columns; column += 1) {
      result[row * columns + column] = values[column * rows + row] ?? 0;
    }
  }
  return result;
}
