import { randomFrom } from "../../src/core/random.ts";
import { differentiate } from "../../src/gradients/differentiate.ts";
import { trainableParameters } from "../../src/gradients/parameters.ts";
import { staticGraph } from "../../src/gradients/static-graph.ts";
import { type GraphBuilder, graphBuilder } from "../../src/graph/build.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { inferShapes } from "../../src/graph/shapes/infer.ts";
import { elementCount, floatsOf, floatTensor, intTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { type Feed, openSession } from "../../src/runtime/session.ts";
import { bytesOfModel } from "./ort.ts";
import { type Array64, evaluate } from "./reference-ops.ts";

export interface CheckOptions {
  readonly batch?: number;
  readonly seed?: number;
  /** Elements of each tensor that are compared; a random direction over all elements always is. */
  readonly elements?: number;
  /** Values of the inputs: standard normal unless given. */
  readonly draw?: (normal: number) => number;
}

interface Prepared {
  readonly lossy: Graph;
  readonly loss: string;
  readonly given: ReadonlyMap<string, Array64>;
}

function prepared(graph: Graph, options: CheckOptions): Prepared {
  const { batch = 2, seed = 1, draw = (x: number) => x } = options;
  const random = randomFrom(seed);
  const { lossy, loss } = withLoss(staticGraph(graph, { batch }), seed);
  const given = new Map<string, Array64>();
  for (const input of lossy.inputs) {
    const shape = inferShapes(lossy).resolved(input.name) ?? [];
    const length = elementCount(shape);
    const data =
      input.type === "float32"
        ? Float64Array.from({ length }, () => Math.fround(draw(random.normal())))
        : Float64Array.from({ length }, () => random.integer(3));
    given.set(input.name, { shape, data });
  }
  return { lossy, loss, given };
}

function lossAt(
  { lossy, loss, given }: Prepared,
  moved: ReadonlyMap<string, Float64Array>,
): number {
  const shapes = inferShapes(lossy);
  const values = [...moved].map(([name, data]): [string, Array64] => [
    name,
    { shape: shapes.resolved(name) ?? [], data },
  ]);
  return evaluate(lossy, new Map([...given, ...values])).get(loss)?.data[0] ?? Number.NaN;
}

/**
 * The largest difference between gradients as onnxruntime computes them in float32 and central differences of the float64
 * reference, relative to the largest gradient of each tensor; over all float inputs and initializers. The loss is a random
 * linear function of every output.
 */
export async function worstGradient(graph: Graph, options: CheckOptions = {}): Promise<number> {
  const { seed = 1, elements = 12 } = options;
  const problem = prepared(graph, options);
  const { lossy, loss, given } = problem;
  const names = differentiableNames(lossy);
  const { graph: whole, gradients } = differentiate(lossy, { loss, withRespectTo: names });
  const computed = await run(whole, given);
  let worst = 0;
  for (const name of names) {
    const gradient = computed.get(gradients.get(name) ?? "") ?? new Float64Array(0);
    const start = startOf(lossy, given, name);
    const at = (moved: Float64Array): number => lossAt(problem, new Map([[name, moved]]));
    worst = Math.max(worst, deviation(gradient, start, at, elements, seed));
  }
  return worst;
}

/**
 * The same for a whole network, in one random direction of its weights and inputs together: the difference of the two
 * slopes relative to the length of the gradient.
 */
export async function slopeError(graph: Graph, options: CheckOptions = {}): Promise<number> {
  const problem = prepared(graph, options);
  const { lossy, loss, given } = problem;
  const random = randomFrom((options.seed ?? 1) + 7);
  const names = [...given.keys(), ...trainableParameters(lossy, loss)].filter(
    (name) => !name.startsWith("loss/"),
  );
  const { graph: whole, gradients } = differentiate(lossy, { loss, withRespectTo: names });
  const computed = await run(whole, given);
  let [along, squared] = [0, 0];
  const moves = names.map((name) => {
    const gradient = computed.get(gradients.get(name) ?? "") ?? new Float64Array(0);
    const direction = gradient.map(() => random.normal());
    gradient.forEach((value, index) => {
      along += value * (direction[index] ?? 0);
      squared += value * value;
    });
    return { name, direction, start: startOf(lossy, given, name) };
  });
  const step = 1e-6;
  const side = (sign: number): number =>
    lossAt(
      problem,
      new Map(
        moves.map(({ name, direction, start }) => [
          name,
          start.map((value, index) => value + sign * step * (direction[index] ?? 0)),
        ]),
      ),
    );
  const slope = (side(1) - side(-1)) / (2 * step);
  return Math.abs(slope - along) / Math.sqrt(squared);
}

/** A random direction over all elements, then single elements. */
function deviation(
  gradient: Float64Array,
  start: Float64Array,
  loss: (at: Float64Array) => number,
  elements: number,
  seed: number,
): number {
  const random = randomFrom(seed + 7);
  const length = start.length;
  if (gradient.length !== length) return Number.POSITIVE_INFINITY;
  const largest = gradient.reduce((max, value) => Math.max(max, Math.abs(value)), 0);
  const directions = [Float64Array.from({ length }, () => random.normal() / Math.sqrt(length))];
  for (let pick = 0; pick < Math.min(elements, length); pick += 1) {
    const index = length <= elements ? pick : random.integer(length);
    directions.push(Float64Array.from({ length }, (_, i) => (i === index ? 1 : 0)));
  }
  let worst = 0;
  for (const direction of directions) {
    const step = 1e-5;
    const move = (sign: number): Float64Array =>
      start.map((value, i) => value + sign * step * (direction[i] ?? 0));
    const slope = (loss(move(1)) - loss(move(-1))) / (2 * step);
    const along = gradient.reduce((sum, value, i) => sum + value * (direction[i] ?? 0), 0);
    worst = Math.max(worst, Math.abs(slope - along) / Math.max(largest, 1e-3));
  }
  return worst;
}

function startOf(graph: Graph, given: ReadonlyMap<string, Array64>, name: string): Float64Array {
  const fed = given.get(name)?.data;
  if (fed !== undefined) return fed;
  const tensor = graph.initializers.get(name);
  return tensor === undefined ? new Float64Array(0) : Float64Array.from(floatsOf(tensor));
}

/** Float inputs and initializers, but those of the loss, bounds of Clip, and numbers. */
function differentiableNames(graph: Graph): string[] {
  const inputs = graph.inputs.filter(({ type }) => type === "float32").map(({ name }) => name);
  const stored = [...graph.initializers]
    .filter(([name, { type, shape }]) => {
      const fixed = name.startsWith("fixed") || name.startsWith("loss/");
      return type === "float32" && shape.length > 0 && !fixed;
    })
    .map(([name]) => name);
  return [...inputs, ...stored];
}

function withLoss(graph: Graph, seed: number): { readonly lossy: Graph; readonly loss: string } {
  const random = randomFrom(seed + 100);
  const shapes = inferShapes(graph);
  const initializers = new Map(graph.initializers);
  const nodes = [...graph.nodes];
  const node = (opType: string, inputs: readonly string[], output: string): string => {
    nodes.push({
      name: output,
      opType,
      domain: "",
      inputs,
      outputs: [output],
      attributes: new Map(),
    });
    return output;
  };
  const parts = graph.outputs.map(({ name }, index) => {
    const shape = shapes.resolved(name) ?? [];
    const length = elementCount(shape);
    const weights = Float32Array.from({ length }, random.normal);
    initializers.set(`loss/weights${index}`, floatTensor(shape, weights));
    initializers.set(`loss/flat${index}`, intTensor([1], [length]));
    const product = node("Mul", [name, `loss/weights${index}`], `loss/product${index}`);
    return node("Reshape", [product, `loss/flat${index}`], `loss/vector${index}`);
  });
  initializers.set("loss/axis", intTensor([1], [0]));
  const sums = parts.map((part, index) =>
    node("ReduceSum", [part, "loss/axis"], `loss/sum${index}`),
  );
  const loss = node("Sum", sums, "loss/total");
  return { lossy: { ...graph, initializers, nodes }, loss };
}

async function run(
  graph: Graph,
  given: ReadonlyMap<string, Array64>,
): Promise<ReadonlyMap<string, Float64Array>> {
  const session = await openSession(bytesOfModel(modelOf(graph)), { optimisation: "extended" });
  const feeds = graph.inputs.map(({ name, type }): [string, Feed] => {
    const { shape = [], data = new Float64Array(0) } = given.get(name) ?? {};
    return type === "float32"
      ? [name, { type, shape, data: Float32Array.from(data) }]
      : [name, { type: "int64", shape, data: BigInt64Array.from([...data].map(BigInt)) }];
  });
  const results = await session.run(Object.fromEntries(feeds));
  await session.close();
  return new Map(
    Object.entries(results).map(([name, { data }]) => [name, Float64Array.from(data, Number)]),
  );
}

/** A float32 tensor of seeded normal numbers, each mapped. */
export function weights(
  shape: readonly number[],
  seed: number,
  map: (normal: number) => number = (x) => x,
): ReturnType<typeof floatTensor> {
  const random = randomFrom(seed);
  return floatTensor(
    shape,
    Float32Array.from({ length: elementCount(shape) }, () => map(random.normal())),
  );
}

/** A graph with one output. */
export function built(write: (b: GraphBuilder) => string, opset = 17): Graph {
  const b = graphBuilder({ opset });
  b.output(write(b));
  return b.graph();
}
