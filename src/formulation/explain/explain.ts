import type { SolveProgress } from "../../mip/solver.ts";
import { evaluate } from "../problem/evaluate.ts";
import type { Problem, Selection } from "../problem/problem.ts";
import { blockChain } from "../problem/problem-axes.ts";
import type { Answer, SolverList } from "../solve/answer.ts";
import { type BestOptions, isOver } from "../solve/best-of.ts";
import { solveProblem } from "../solve/solve-problem.ts";
import { startingSelection } from "../solve/start.ts";
import { dimReasons } from "./dims.ts";
import type { Explanation, Loss, PartReason } from "./explanation.ts";
import type { Choice } from "./forced.ts";
import { explainLimits } from "./limits.ts";
import { type LossQuestion, lossesOf } from "./losses.ts";
import { type Neighbourhood, neighbourhoodOf } from "./near.ts";

export interface ExplainOptions {
  /** The selection to explain; default the optimum. It may exceed limits. */
  readonly selection?: Selection | undefined;
  /** The answer to the problem, where it is known already. */
  readonly answer?: Answer | undefined;
  /** How much of a limit the last step of it is. Default 0.01. */
  readonly limitShare?: number | undefined;
  /** For everything. What is not exact by then is `between`. */
  readonly timeLimitSeconds?: number | undefined;
  readonly presolve?: false | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((progress: SolveProgress) => void) | undefined;
  /** How many of the losses are known. */
  readonly onStep?: ((done: number, total: number) => void) | undefined;
}

/**
 * Why a selection is as it is: what each limit is worth, and what each dim, block and layer would lose if it were decided otherwise
 * and all the rest again.
 *
 * @throws as `solveProblem`; VerificationError as `evaluate` for a selection that is none, and `formulation/proofs-disagree`
 */
export async function explain(
  problem: Problem,
  solvers: SolverList,
  options: ExplainOptions = {},
): Promise<Explanation> {
  const end = performance.now() + 1000 * (options.timeLimitSeconds ?? Number.POSITIVE_INFINITY);
  const secondsLeft = (): number => (end - performance.now()) / 1000;
  const forced: BestOptions = { solvers, secondsLeft, signal: options.signal };
  const answer = options.answer ?? (await answerOf(problem, solvers, options));
  const selection = options.selection ?? answer.selection;
  const { objective, usage } = evaluate(problem, selection);
  const near = await nearOf(problem, answer, forced);
  const share = options.limitShare ?? 0.01;
  const limits = await explainLimits(problem, { usage, optimum: answer.objective }, near, {
    ...forced,
    share,
  });
  const asked = choicesAround(problem, selection);
  const best = { ...answer, proven: answer.status === "optimal" };
  const question: LossQuestion = { ...forced, problem, best, near, onStep: options.onStep };
  // These are against the optimum; the selection may lose something itself.
  const behind = answer.objective - objective;
  const losses = (await lossesOf(question, asked)).map((loss) => shifted(loss, behind));
  const known = new Map(asked.map((choice, at) => [keyOf(choice), losses[at]]));
  const lossOf = (choice: Choice): Loss | null => known.get(keyOf(choice)) ?? null;
  const parts = (
    names: readonly { readonly name: string }[],
    choiceOf: (at: number) => Choice,
  ): PartReason[] =>
    names.flatMap(({ name }, at): PartReason[] => {
      const choice = choiceOf(at);
      const loss = lossOf(choice);
      const kept = choice.kind !== "option" && !choice.kept;
      return loss === null ? [] : [{ name, kept, loss }];
    });
  return {
    objective,
    usage,
    optimum: {
      objective: answer.objective,
      bound: answer.bound,
      proven: answer.status === "optimal",
    },
    relaxation: near?.bound ?? null,
    limits,
    dims: dimReasons(problem, selection, lossOf),
    blocks: parts(problem.blocks, (block) => blockFlip(selection, block)),
    layers: parts(problem.layers, (layer) => layerFlip(selection, layer)),
    notes: notesOf(answer, near, losses),
  };
}

async function answerOf(
  problem: Problem,
  solvers: SolverList,
  { timeLimitSeconds, presolve, signal, onProgress }: ExplainOptions,
): Promise<Answer> {
  return solveProblem(problem, solvers, {
    timeLimitSeconds,
    presolve,
    signal,
    onProgress,
    start: startingSelection,
  });
}

/** Null for problems that the presolve left alone. */
async function nearOf(
  problem: Problem,
  { presolve }: Answer,
  options: BestOptions,
): Promise<Neighbourhood | null> {
  return presolve === null ? null : neighbourhoodOf(problem, () => isOver(options));
}

/** What may be asked of a selection: one option less and more of each dim, and every block and layer the other way. */
function choicesAround(problem: Problem, selection: Selection): Choice[] {
  const isGone = (block: number | null): boolean =>
    blockChain(problem, block).some((each) => selection.droppedBlocks.has(each));
  const dims = problem.dims.flatMap(({ counts }, dim): Choice[] => {
    const option = selection.options[dim] ?? -1;
    if (option < 0) return [];
    return [option - 1, option + 1]
      .filter((each) => each >= 0 && each < counts.length)
      .map((each) => ({ kind: "option", dim, option: each }));
  });
  const blocks = problem.blocks.flatMap(({ parent }, block): Choice[] =>
    isGone(parent) ? [] : [blockFlip(selection, block)],
  );
  const layers = problem.layers.flatMap(({ block }, layer): Choice[] =>
    isGone(block) ? [] : [layerFlip(selection, layer)],
  );
  return [...dims, ...blocks, ...layers];
}

function blockFlip({ droppedBlocks }: Selection, block: number): Choice {
  return { kind: "block", block, kept: droppedBlocks.has(block) };
}

function layerFlip({ droppedLayers }: Selection, layer: number): Choice {
  return { kind: "layer", layer, kept: droppedLayers.has(layer) };
}

function keyOf(choice: Choice): string {
  return Object.values(choice).join(":");
}

/** The same loss against a selection that is this far behind. */
function shifted(loss: Loss, behind: number): Loss {
  switch (loss.kind) {
    case "exact":
      return { kind: "exact", loss: loss.loss - behind };
    case "between":
      return {
        kind: "between",
        least: loss.least === null ? null : loss.least - behind,
        most: loss.most === null ? null : loss.most - behind,
      };
    case "impossible":
      return loss;
    default:
      return loss satisfies never;
  }
}

function notesOf(answer: Answer, near: Neighbourhood | null, losses: readonly Loss[]): string[] {
  const open = losses.filter(({ kind }) => kind === "between").length;
  return [
    ...answer.notes,
    ...(answer.status === "optimal"
      ? []
      : [
          "The optimum isn't proven: losses are against the best selection that was found, and may be below 0.",
        ]),
    ...(near === null
      ? [
          "There is no bound from a presolve here: no multipliers, and each loss is a program of its own.",
        ]
      : []),
    ...(open === 0
      ? []
      : [`The time was over before ${open} of ${losses.length} losses were known exactly.`]),
  ];
}
