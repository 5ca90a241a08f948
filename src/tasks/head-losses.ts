/** The loss of networks with several heads: the weighted sum of the loss of each head's own task. */
import { InputError } from "../core/errors.ts";
import type { Head } from "../data/dataset.ts";
import { logitsOf, weightedSum } from "../gradients/losses.ts";
import type { Graph } from "../graph/graph.ts";
import { inferShapes } from "../graph/shapes/infer.ts";
import { type SampleBatch, type Target, targetOf } from "../runtime/batches.ts";
import type { TargetLoss } from "../training/target-loss.ts";
import { targetAs } from "./answers.ts";
import { indexCrossEntropy } from "./losses/classes.ts";
import { guessedTask } from "./plan.ts";
import { badClass, targetLossOf } from "./target-losses.ts";

/** A head with its loss and the weight of it. */
interface HeadLoss {
  readonly output: string;
  readonly weight: number;
  readonly loss: TargetLoss;
}

/**
 * The sum of the heads' losses, each by the targets of its own output and times its weight.
 * @param target of a sample: what kind each head's is
 * @param heads weights by output; 1 where left out
 * @throws InputError `tasks/no-output`, `tasks/no-loss`, `tasks/bad-target`
 */
export function headLossOf(
  graph: Graph,
  target: Target,
  heads: Readonly<Record<string, Pick<Head, "weight">>> = {},
): TargetLoss {
  const names = graph.outputs.map(({ name }) => name);
  const losses = Object.entries(targetAs(target, "heads").heads).map(
    ([output, own], index): HeadLoss => {
      if (!names.includes(output)) throw noHead(output, names);
      const loss = lossOf(graph, output, own, `head_targets_${index}`);
      return { output, weight: heads[output]?.weight ?? 1, loss };
    },
  );
  return {
    name: losses.map(({ output, weight, loss }) => textOf(output, weight, loss)).join(" + "),
    reads: losses.flatMap(({ loss }) => loss.reads),
    append: (fed) => {
      let lossy = fed;
      const parts = losses.map(({ loss, weight }) => {
        const made = loss.append(lossy);
        lossy = made.graph;
        return { loss: made.loss, weight };
      });
      return weightedSum(lossy, parts);
    },
    feeds: (batch) =>
      Object.assign({}, ...losses.map(({ output, loss }) => loss.feeds(batchOf(batch, output)))),
  };
}

function textOf(output: string, weight: number, { name }: TargetLoss): string {
  return `${weight === 1 ? "" : `${weight} x `}${name} of '${output}'`;
}

function lossOf(graph: Graph, output: string, target: Target, targets: string): TargetLoss {
  if (target.kind === "class") return classLoss(graph, output, targets);
  const task = guessedTask(target, []);
  const loss = targetLossOf(task, graph, [output], targets);
  if (loss !== null) return loss;
  throw new InputError({
    code: "tasks/no-loss",
    message: `There is no loss of one output '${output}' for targets of the task ${task}.`,
    where: "data",
    hint: "Leave this head out of 'heads' in the data set's config, or teach by the original network: --teacher ORIGINAL.onnx --loss outputs.",
  });
}

/** Cross entropy of the class of every sample that has one; a sample with the label -1 counts for nothing. */
function classLoss(graph: Graph, output: string, targets: string): TargetLoss {
  const logits = logitsOf(graph, output);
  const [, classes = 0, ...rest] = inferShapes(graph, { batch: 2 }).resolved(logits) ?? [];
  return {
    name: "cross entropy",
    reads: [logits],
    append: (fed) => indexCrossEntropy(fed, { logits, axis: 1, labels: targets }),
    feeds: (batch) => {
      const data = BigInt64Array.from({ length: batch.size }, (_, sample) => {
        const { label } = targetAs(targetOf(batch, sample), "class");
        if (label >= classes) throw badClass(label, classes);
        return BigInt(label);
      });
      return { [targets]: { type: "int64", shape: [batch.size, ...rest], data } };
    },
  };
}

/** The samples with the targets of one head. */
function batchOf(batch: SampleBatch, output: string): SampleBatch {
  const targets = Array.from(
    { length: batch.size },
    (_, sample): Target => targetAs(targetOf(batch, sample), "heads").heads[output] ?? NONE,
  );
  return { ...batch, targets };
}

const NONE = { kind: "none" } as const;

function noHead(output: string, names: readonly string[]): InputError {
  return new InputError({
    code: "tasks/no-output",
    message: `The data has a target for '${output}', and the network's outputs are ${names.join(", ")}.`,
    where: "data",
    hint: "Name outputs of the network in 'heads' of the data set's config.",
  });
}
