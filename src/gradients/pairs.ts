/** Losses of networks that give two embeddings of what belongs together: a picture and its text. */
import { InputError } from "../core/errors.ts";
import type { Graph } from "../graph/graph.ts";
import type { Emitter } from "./emitter.ts";
import { appended, hasValue, type Lossy, staticOf, withInput } from "./losses.ts";
import {
  add,
  axesFrom,
  divide,
  gemm,
  matrixTranspose,
  multiply,
  reduce,
  scalar,
  scale,
  subtract,
  unary,
} from "./ops.ts";

export interface ContrastiveOptions {
  /** Two values, samples x dimensions each; row i of one belongs to row i of the other. */
  readonly left: string;
  readonly right: string;
  /** Cosines are divided by it; CLIP's trained networks have about 0.01, training starts at 0.07. */
  readonly temperature?: number;
}

/**
 * InfoNCE both ways (CLIP, Radford et al., 2103.00020): with s the cosines of all lefts and rights over the temperature, the mean over the samples
 * of the cross entropy of the rows and of the columns of s, whose labels are the diagonal. Half of each.
 * @throws InputError `tasks/not-embeddings`, `tasks/batch-too-small`
 */
export function contrastive(graph: Graph, options: ContrastiveOptions): Lossy {
  const { left, right, temperature = 0.07 } = options;
  const samples = checkEmbeddings(graph, left, right);
  return appended(graph, "loss/contrastive", (e) => {
    const cosines = similarities(e, left, right);
    const scores = scale(e, cosines, 1 / temperature);
    const diagonal = e.floats([samples, samples], identity(samples), e.typeOf(left));
    const oneWay = (of: string): string =>
      sumOfAll(e, multiply(e, diagonal, unary(e, "LogSoftmax", of, { axis: -1 })));
    const both = add(e, oneWay(scores), oneWay(matrixTranspose(e, scores)));
    return scale(e, both, -0.5 / samples);
  });
}

export interface SimilarityDistillationOptions extends ContrastiveOptions {
  /**
   * The teacher's two embeddings, of the same number of samples (their dimensions may differ): values of the graph, or new inputs of
   * these names.
   */
  readonly teacherLeft: string;
  readonly teacherRight: string;
  readonly teacherDimensions?: number;
}

/**
 * Distance between what two networks say of all pairs in a batch: with p the softmax of the teacher's cosines over the temperature and q the
 * student's, the mean of KL(p || q) over rows and columns. Needs no label; keeps how modalities lie to each other, where
 * embeddings alone may turn together.
 * @throws InputError `tasks/not-embeddings`, `tasks/batch-too-small`
 */
export function crossModalDistillation(
  graph: Graph,
  options: SimilarityDistillationOptions,
): Lossy {
  const { left, right, teacherLeft, teacherRight, temperature = 0.07 } = options;
  const samples = checkEmbeddings(graph, left, right);
  const { type, shape } = staticOf(graph, left);
  const teacherShape = [samples, options.teacherDimensions ?? shape[1] ?? 1];
  const fed = [teacherLeft, teacherRight].reduce(
    (open, name) =>
      hasValue(open, name) ? open : withInput(open, { name, type, shape: teacherShape }),
    graph,
  );
  return appended(fed, "loss/cross_modal", (e) => {
    const own = scale(e, similarities(e, left, right), 1 / temperature);
    const wanted = scale(e, similarities(e, teacherLeft, teacherRight), 1 / temperature);
    const oneWay = (of: string, from: string): string => {
      const log = unary(e, "LogSoftmax", from, { axis: -1 });
      const gap = subtract(e, log, unary(e, "LogSoftmax", of, { axis: -1 }));
      return sumOfAll(e, multiply(e, unary(e, "Exp", log), gap));
    };
    const both = add(
      e,
      oneWay(own, wanted),
      oneWay(matrixTranspose(e, own), matrixTranspose(e, wanted)),
    );
    return scale(e, both, 0.5 / samples);
  });
}

/** Cosines of all rows of one with all rows of the other: samples x samples. */
function similarities(e: Emitter, left: string, right: string): string {
  return gemm(e, unitRows(e, left), unitRows(e, right), { transB: true });
}

function unitRows(e: Emitter, x: string): string {
  const energy = reduce(e, "Sum", multiply(e, x, x), [1], true);
  return divide(e, x, unary(e, "Sqrt", add(e, energy, scalar(e, 1e-12, x))));
}

function identity(size: number): Float64Array {
  const values = new Float64Array(size * size);
  for (let at = 0; at < size; at += 1) values[at * size + at] = 1;
  return values;
}

function checkEmbeddings(graph: Graph, left: string, right: string): number {
  const shapes = [left, right].map((name) => staticOf(graph, name).shape);
  const [[samples, width] = [], [others, otherWidth] = []] = shapes;
  const fits =
    shapes.every(({ length }) => length === 2) && samples === others && width === otherWidth;
  if (fits && samples === 1) {
    throw new InputError({
      code: "tasks/batch-too-small",
      message: `A batch of one pair has nothing that '${left}' and '${right}' could be told apart from.`,
      where: "--batch",
      hint: "Train with batches of 32 pairs or more.",
    });
  }
  if (fits && samples !== undefined) return samples;
  throw new InputError({
    code: "tasks/not-embeddings",
    message: `'${left}' is [${shapes[0]?.join(", ")}] and '${right}' is [${shapes[1]?.join(", ")}]; two values of [samples, dimensions] are needed.`,
    where: `graph '${graph.name}'`,
    hint: "Name the two outputs that hold one vector per sample with --outputs.",
  });
}

function sumOfAll(e: Emitter, x: string): string {
  return reduce(e, "Sum", x, axesFrom(e.shapeOf(x), 0));
}
