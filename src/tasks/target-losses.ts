import { InputError } from "../core/errors.ts";
import { logitsOf } from "../gradients/losses.ts";
import { contrastive } from "../gradients/pairs.ts";
import type { Graph } from "../graph/graph.ts";
import { inferShapes } from "../graph/shapes/infer.ts";
import { modalitiesOf } from "../importance/cross-modal/modalities.ts";
import {
  type Box,
  joinedFeeds,
  type Placement,
  type SampleBatch,
  type Target,
  targetOf,
  UNNAMED,
} from "../runtime/batches.ts";
import type { Feed } from "../runtime/session.ts";
import type { TargetLoss } from "../training/target-loss.ts";
import { targetAs } from "./answers.ts";
import { centreLoss, centreTargets } from "./losses/centres.ts";
import { indexCrossEntropy, multiLabelCrossEntropy } from "./losses/classes.ts";
import { regressionLoss } from "./losses/regression.ts";
import type { TaskName } from "./plan.ts";

const TARGETS = "task_targets";

/**
 * The loss of a task by its own targets; null where class labels teach (classification), where only an original network can (detectors whose heads need a matcher, and
 * agreement), and of several heads (`headLossOf`).
 * @param outputs in the order that the user chose; the graph's own where left out
 * @param targets what its new inputs are called
 * @throws InputError `tasks/no-output`
 */
export function targetLossOf(
  task: TaskName,
  graph: Graph,
  outputs?: readonly string[] | undefined,
  targets = TARGETS,
): TargetLoss | null {
  const names = outputs ?? graph.outputs.map(({ name }) => name);
  const [first = ""] = names;
  switch (task) {
    case "classification":
    case "agreement":
    case "heads":
      return null;
    case "detection":
      return centreStyleLoss(graph, names, targets);
    case "segmentation":
      return segmentationLoss(graph, logitsOf(graph, first), targets);
    case "multi-label":
      return multiLabelLoss(graph, beforeSigmoid(graph, first), targets);
    case "regression":
      return {
        name: "mean square",
        reads: [first],
        append: (fed) => regressionLoss(fed, { value: first, target: targets }),
        feeds: (batch) => ({ [targets]: valuesOf(batch, first) }),
      };
    case "retrieval": {
      const [left, right] = outputs ?? embeddingsOf(graph);
      if (left === undefined || right === undefined) throw twoNeeded();
      return {
        name: "contrastive",
        reads: [left, right],
        append: (fed) => contrastive(fed, { left, right }),
        feeds: () => ({}),
      };
    }
    default:
      return task satisfies never;
  }
}

/** Two outputs of one width that depend on different inputs, wherever they stand; otherwise the outputs as they come. */
function embeddingsOf(graph: Graph): readonly string[] {
  try {
    return modalitiesOf(graph).pair;
  } catch (error) {
    if (!(error instanceof InputError) || !error.code.startsWith("importance/")) throw error;
    return graph.outputs.map(({ name }) => name);
  }
}

/** Cross entropy of every position of the output; masks of another size give it the class under each position's middle. */
function segmentationLoss(graph: Graph, logits: string, targets: string): TargetLoss {
  const [, , height = 1, width = 1] = inferShapes(graph, { batch: 2 }).resolved(logits) ?? [];
  return {
    name: "cross entropy of pixels",
    reads: [logits],
    append: (fed) => indexCrossEntropy(fed, { logits, axis: 1, labels: targets }),
    feeds: (batch) => {
      const data = new BigInt64Array(batch.size * height * width);
      for (let sample = 0; sample < batch.size; sample += 1) {
        const mask = targetAs(targetOf(batch, sample), "mask");
        for (let row = 0; row < height; row += 1) {
          const y = Math.floor(((row + 0.5) * mask.height) / height);
          for (let column = 0; column < width; column += 1) {
            const x = Math.floor(((column + 0.5) * mask.width) / width);
            const label = mask.labels[y * mask.width + x] ?? mask.ignore;
            const at = (sample * height + row) * width + column;
            data[at] = BigInt(label === mask.ignore ? -1 : label);
          }
        }
      }
      return { [targets]: { type: "int64", shape: [batch.size, height, width], data } };
    },
  };
}

/**
 * Of a detector that marks centres: one map of classes and one of the distances to the four sides. Null for any other head.
 */
function centreStyleLoss(
  graph: Graph,
  names: readonly string[],
  targets: string,
): TargetLoss | null {
  const shapes = inferShapes(graph, { batch: 2 });
  const pictures = graph.inputs.find(({ shape }) => shape?.length === 4);
  const [height, width] = (shapes.resolved(pictures?.name ?? "") ?? []).slice(2);
  if (height === undefined || width === undefined) return null;
  const outputs = names.map((name) => ({ name, shape: shapes.resolved(name)?.slice(1) ?? [] }));
  const maps = outputs.filter(({ shape }) => shape.length === 3);
  const sides = maps.find(({ shape }) => shape[0] === 4);
  const heat = maps.find((output) => output !== sides);
  const [classes = 0, rows = 0, columns = 0] = heat?.shape ?? [];
  const sameGrid = sides?.shape[1] === rows && sides.shape[2] === columns;
  if (
    maps.length !== 2 ||
    outputs.length !== 2 ||
    heat === undefined ||
    sides === undefined ||
    !sameGrid
  ) {
    return null;
  }
  const grid = { classes, rows, columns, stride: height / rows };
  if (width / columns !== grid.stride) return null;
  const heatmap = beforeSigmoid(graph, heat.name);
  const [centres, distances] = [`${targets}_centres`, `${targets}_distances`];
  return {
    name: "centre loss",
    reads: [heatmap, sides.name],
    append: (fed) => centreLoss(fed, { heatmap, sides: sides.name, centres, distances }),
    feeds: (batch) => {
      const plane = rows * columns;
      const bells = new Float32Array(batch.size * classes * plane);
      const wanted = new Float32Array(batch.size * 4 * plane);
      for (let sample = 0; sample < batch.size; sample += 1) {
        const { boxes, placement } = targetAs(targetOf(batch, sample), "boxes");
        const wrong = boxes.find(({ label }) => label >= classes);
        if (wrong !== undefined) throw badClass(wrong.label, classes);
        const made = centreTargets(
          boxes.map((box) => onInput(box, placement)),
          grid,
        );
        bells.set(made.centres, sample * classes * plane);
        wanted.set(made.distances, sample * 4 * plane);
      }
      const shape = (channels: number): number[] => [batch.size, channels, rows, columns];
      return {
        [centres]: { type: "float32", shape: shape(classes), data: bells },
        [distances]: { type: "float32", shape: shape(4), data: wanted },
      };
    },
  };
}

/** A box of the original picture in pixels of the network's input. */
function onInput(box: Box, { scale, offset }: Placement): Box {
  const x = (at: number): number => at * scale[1] + offset[1];
  const y = (at: number): number => at * scale[0] + offset[0];
  const { left, top, right, bottom } = box;
  return { ...box, left: x(left), right: x(right), top: y(top), bottom: y(bottom) };
}

function multiLabelLoss(graph: Graph, logits: string, targets: string): TargetLoss {
  const classes = inferShapes(graph, { batch: 2 }).resolved(logits)?.[1] ?? 1;
  return {
    name: "cross entropy of every class",
    reads: [logits],
    append: (fed) => multiLabelCrossEntropy(fed, { logits, targets }),
    feeds: (batch) => {
      const data = new Float32Array(batch.size * classes);
      for (let sample = 0; sample < batch.size; sample += 1) {
        for (const label of targetAs(targetOf(batch, sample), "classes").labels) {
          if (label >= classes) throw badClass(label, classes);
          data[sample * classes + label] = 1;
        }
      }
      return { [targets]: { type: "float32", shape: [batch.size, classes], data } };
    },
  };
}

/** The value before the sigmoid that an output ends with. */
function beforeSigmoid(graph: Graph, output: string): string {
  const node = graph.nodes.find(({ outputs }) => outputs.includes(output));
  return node?.opType === "Sigmoid" ? (node.inputs[0] ?? output) : output;
}

function valuesOf(batch: SampleBatch, output: string): Feed {
  const feeds = Array.from({ length: batch.size }, (_, sample): Feed => {
    const feed = valueFor(targetOf(batch, sample), output);
    return {
      type: "float32",
      shape: [1, ...feed.shape],
      data: Float32Array.from(feed.data as ArrayLike<number | bigint>, Number),
    };
  });
  return joinedFeeds(feeds);
}

function valueFor(target: Target, output: string): Feed {
  const { values } = targetAs(target, "values");
  const feed = values[output] ?? values[UNNAMED];
  if (feed !== undefined && feed.type !== "string") return feed;
  throw new InputError({
    code: "tasks/bad-target",
    message: `There is no target for '${output}'; the data gives ${Object.keys(values).join(", ")}.`,
    where: "data",
    hint: "Name the output in 'target' of the data set's config.",
  });
}

export function badClass(label: number, classes: number): InputError {
  return new InputError({
    code: "data/bad-label",
    message: `The data set has label ${label}, the network ${classes} classes.`,
    where: "data",
    hint: "Check 'classes' and 'classOffset' in the data set's config.",
  });
}

function twoNeeded(): InputError {
  return new InputError({
    code: "tasks/no-output",
    message: "Retrieval needs two outputs, and the network has one.",
    where: "--outputs",
    hint: "Name the two outputs that hold one vector per sample.",
  });
}
