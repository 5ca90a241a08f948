import { InputError } from "../core/errors.ts";
import type { Head } from "../data/dataset.ts";
import { type Target, UNNAMED } from "../runtime/batches.ts";
import { targetAs } from "./answers.ts";
import type { SuppressOptions } from "./detection/detection.ts";
import { guessHead, type OutputShape } from "./detection/guess-head.ts";
import type { HeadSpec, InputSize } from "./detection/heads.ts";
import type { Metric } from "./metric.ts";
import { cosineToOriginal, divergenceFromOriginal, sameAnswer } from "./metrics/agreement.ts";
import {
  calibrationError,
  classMetric,
  macroMetric,
  multiLabelPrecision,
  topMetric,
} from "./metrics/classification.ts";
import { findsOf, meanPrecision } from "./metrics/detection.ts";
import {
  meanAbsoluteError,
  meanSquareError,
  peakSignalToNoise,
  structuralSimilarity,
} from "./metrics/regression.ts";
import { retrievalRecall } from "./metrics/retrieval.ts";
import { classIou, meanIou, pixelAccuracy } from "./metrics/segmentation.ts";

export const TASKS = [
  "classification",
  "multi-label",
  "segmentation",
  "detection",
  "regression",
  "retrieval",
  "agreement",
  "heads",
] as const;
export type TaskName = (typeof TASKS)[number];

/** What a task is planned from. */
export interface TaskQuestion {
  /** As the user or the data set's config names it; guessed where left out. */
  readonly task?: string | undefined;
  /** The network's outputs, without their batch axis. */
  readonly outputs: readonly OutputShape[];
  /** Outputs that the user chose, in this order. */
  readonly chosen?: readonly string[] | undefined;
  /** Outputs that some network gives in another form than the first: these are not compared number by number. */
  readonly changed?: ReadonlySet<string> | undefined;
  /** The first sample's target. */
  readonly target: Target;
  readonly classes: readonly string[] | null;
  /** Of targets per output: the classes of each. */
  readonly heads?: Readonly<Record<string, Pick<Head, "classes">>> | undefined;
  /** Height and width of the pictures that are fed; null where none are. */
  readonly input: InputSize | null;
  readonly head?: HeadSpec | undefined;
  readonly suppress?: SuppressOptions | undefined;
  /** Difference between the largest and the smallest value of targets that are pictures; 1 where left out. */
  readonly range?: number | undefined;
}

export interface TaskPlan {
  readonly task: TaskName;
  /** What was guessed, a sentence each. */
  readonly notes: readonly string[];
  /** Printed for every network. */
  readonly metrics: readonly Metric[];
  /** Of every class; for reports. */
  readonly perClass: readonly Metric[];
  /** Compare with the first network; their target is its answer. */
  readonly agreement: readonly Metric[];
}

/**
 * Which task a network is judged by, and by which metrics.
 * @throws InputError `tasks/unknown-task`, `tasks/unknown-head`, `tasks/no-output`
 */
export function planTask(question: TaskQuestion): TaskPlan {
  const { chosen, outputs } = question;
  const missing = chosen?.find((name) => !outputs.some((output) => output.name === name));
  if (missing !== undefined) {
    throw new InputError({
      code: "tasks/no-output",
      message: `The network has no output '${missing}'; there are ${outputs.map(({ name }) => name).join(", ")}.`,
      where: "--outputs",
      hint: "Name outputs of the network.",
    });
  }
  const used = chosen?.flatMap((name) => outputs.filter((output) => output.name === name));
  const seen = used ?? outputs;
  const named = question.task === undefined ? null : taskNamed(question.task);
  const task = named ?? guessedTask(question.target, seen);
  const { changed = new Set<string>() } = question;
  const other = seen.filter(({ name }) => changed.has(name)).map(({ name }) => `'${name}'`);
  const notes = [
    ...(named === null ? [`The task is taken to be ${task}, by the data's targets.`] : []),
    ...(other.length === 0
      ? []
      : [`${other.join(", ")} has another width than in the first network: no cosine to it.`]),
  ];
  const alike = seen.filter(({ name }) => !changed.has(name));
  return { task, agreement: agreementOf(task, alike), ...planned(task, question, seen, notes) };
}

/** The task of this name. @throws InputError `tasks/unknown-task` */
export function taskNamed(name: string): TaskName {
  const task = TASKS.find((each) => each === name);
  if (task !== undefined) return task;
  throw new InputError({
    code: "tasks/unknown-task",
    message: `There is no task '${name}'; there are ${TASKS.join(", ")}.`,
    where: "--task",
    hint: "docs/tasks.md says what each needs.",
  });
}

/** The task that a target is of; outputs decide where there is none. */
export function guessedTask({ kind }: Target, outputs: readonly OutputShape[]): TaskName {
  switch (kind) {
    case "class":
      return "classification";
    case "classes":
      return "multi-label";
    case "mask":
      return "segmentation";
    case "boxes":
      return "detection";
    case "values":
      return "regression";
    case "heads":
      return "heads";
    case "none": {
      const widths = outputs.map(({ shape }) => (shape.length === 1 ? shape[0] : null));
      const paired = widths.length === 2 && widths[0] !== null && widths[0] === widths[1];
      return paired ? "retrieval" : "agreement";
    }
    default:
      return kind satisfies never;
  }
}

type Planned = Pick<TaskPlan, "notes" | "metrics" | "perClass">;

function planned(
  task: TaskName,
  question: TaskQuestion,
  outputs: readonly OutputShape[],
  notes: readonly string[],
): Planned {
  const output = outputs[0]?.name;
  const plain = { notes, perClass: [] };
  const names = question.classes ?? [];
  switch (task) {
    case "classification": {
      const scores = scoresAmong(outputs, names.length, question.chosen !== undefined);
      const output = scores?.name;
      const classes = scores?.shape[0] ?? names.length;
      const isOther = scores !== outputs[0];
      return {
        ...{
          notes: isOther
            ? [...notes, `'${output}' has the scores of the ${classes} classes.`]
            : notes,
          perClass: names.map((name, at) => asAny(classMetric("recall", at, name, { output }))),
        },
        metrics: [
          ...[1, ...(classes > 5 ? [5] : [])].map((k) => asAny(topMetric(k, { output }))),
          asAny(macroMetric("f1", classes, { output })),
          asAny(calibrationError({ output })),
        ],
      };
    }
    case "multi-label":
      return { ...plain, metrics: [asAny(multiLabelPrecision({ output }))] };
    case "segmentation":
      return {
        ...{ notes, perClass: names.map((name, at) => asAny(classIou(at, name, { output }))) },
        metrics: [asAny(meanIou({ output })), asAny(pixelAccuracy({ output }))],
      };
    case "detection":
      return detection(question, outputs, notes);
    case "regression": {
      const { range = 1 } = question;
      const judged = targetedOutput(question, outputs);
      const output = judged?.name;
      const pictures = (judged?.shape.length ?? 0) >= 3;
      const large = (judged?.shape.slice(-2) ?? []).every((extent) => (extent ?? 0) >= 11);
      return {
        ...plain,
        metrics: [
          ...(pictures ? [asAny(peakSignalToNoise({ output, range }))] : []),
          ...(pictures && large ? [asAny(structuralSimilarity({ output, range }))] : []),
          asAny(meanSquareError({ output })),
          asAny(meanAbsoluteError({ output })),
        ],
      };
    }
    case "retrieval": {
      const pair = [output ?? "", outputs[1]?.name ?? ""] as const;
      return {
        ...plain,
        metrics: [1, 5, 10].flatMap((k) => [
          asAny(retrievalRecall(k, "left to right", pair)),
          asAny(retrievalRecall(k, "right to left", pair)),
        ]),
      };
    }
    case "agreement":
      return { ...plain, metrics: [] };
    case "heads":
      return heads(question, outputs, notes);
    default:
      return task satisfies never;
  }
}

/** The output that the target's numbers are for: the one that the data or `--outputs` name, the first one where neither does. */
function targetedOutput(
  { target, chosen }: TaskQuestion,
  outputs: readonly OutputShape[],
): OutputShape | undefined {
  const [named] = target.kind === "values" ? Object.keys(target.values) : [];
  if (named === undefined || named === UNNAMED || target.kind !== "values") return outputs[0];
  const found = outputs.find(({ name }) => name in target.values);
  if (found !== undefined) return found;
  throw new InputError({
    code: "tasks/no-output",
    message: `The data's target is for output '${named}'; ${chosen === undefined ? "there are" : "asked for are"} ${outputs.map(({ name }) => `'${name}'`).join(", ")}.`,
    where: "data",
    hint: "Name an output of the network as 'output' of the target in the data set's config.",
  });
}

/** Every output that has a target by the metrics of its own task, which bear its name. */
function heads(
  question: TaskQuestion,
  outputs: readonly OutputShape[],
  notes: readonly string[],
): Planned {
  const { heads: targets } = targetAs(question.target, "heads");
  const plans = Object.entries(targets).map(([output, target]) => {
    if (!outputs.some(({ name }) => name === output)) throw noHead(output, outputs);
    const classes = question.heads?.[output]?.classes ?? null;
    const own = { ...question, task: undefined, target, classes, outputs, chosen: [output] };
    return { output, plan: planTask(own) };
  });
  const of = (list: "metrics" | "perClass"): readonly Metric[] =>
    plans.flatMap(({ output, plan }) => plan[list].map((metric) => ofHead(output, metric)));
  const told = plans.map(({ output, plan }) => `'${output}' is judged as ${plan.task}.`);
  return { notes: [...notes, ...told], metrics: of("metrics"), perClass: of("perClass") };
}

function ofHead(output: string, metric: Metric): Metric {
  return {
    ...metric,
    name: `${output}: ${metric.name}`,
    perItem: (answer, target) => {
      const own = targetAs(target, "heads").heads[output] ?? { kind: "none" };
      // Without a class there is nothing to be right about.
      return own.kind === "class" && own.label < 0 ? null : metric.perItem(answer, own);
    },
  };
}

function noHead(output: string, outputs: readonly OutputShape[]): InputError {
  return new InputError({
    code: "tasks/no-output",
    message: `The data has a target for '${output}', and the network's outputs are ${outputs.map(({ name }) => name).join(", ")}.`,
    where: "data",
    hint: "Name outputs of the network in 'heads' of the data set's config.",
  });
}

/** The output of class scores: the first one, unless another alone has as many numbers as there are classes and nobody chose. */
function scoresAmong(
  outputs: readonly OutputShape[],
  classes: number,
  isChosen: boolean,
): OutputShape | undefined {
  const [first] = outputs;
  const fits = ({ shape }: OutputShape): boolean =>
    shape[0] === classes && shape.slice(1).every((extent) => extent === 1);
  if (isChosen || classes < 2 || first === undefined || fits(first)) return first;
  const fitting = outputs.filter(fits);
  return fitting.length === 1 ? fitting[0] : first;
}

function detection(
  { head, input, classes, suppress }: TaskQuestion,
  outputs: readonly OutputShape[],
  notes: readonly string[],
): Planned {
  if (input === null) {
    throw new InputError({
      code: "tasks/unknown-head",
      message: "Boxes belong to pictures, and no input is one.",
      where: "data",
      hint: 'Give an input with "from": "images" in the data set\'s config.',
    });
  }
  const guessed = head === undefined ? guessHead(outputs, input) : null;
  const form = guessed?.head ?? head;
  if (form === undefined) throw new RangeError("no head");
  const finds = findsOf({ head: form, input, suppress });
  return {
    notes:
      guessed === null
        ? notes
        : [...notes, `The head is taken to be '${form.kind}': ${guessed.reason}.`],
    metrics: [asAny(meanPrecision("mAP@[.5:.95]", finds)), asAny(meanPrecision("mAP@.5", finds))],
    perClass: (classes ?? []).map((name, index) =>
      asAny(meanPrecision("mAP@[.5:.95]", finds, { index, name })),
    ),
  };
}

function agreementOf(task: TaskName, outputs: readonly OutputShape[]): readonly Metric[] {
  const classes = task === "classification" && outputs.length === 1;
  return outputs.flatMap(({ name }) => [
    asAny(cosineToOriginal(name)),
    ...(classes ? [asAny(divergenceFromOriginal(name)), asAny(sameAnswer(name))] : []),
  ]);
}

/** Metrics of different evidence side by side: each one's evidence goes back to itself alone. */
function asAny<E>(metric: Metric<E>): Metric {
  return metric as unknown as Metric;
}
