import { type Progress, SILENT } from "../core/progress.ts";
import type { CalibrateReport } from "../documents/calibrate.ts";
import type { TrainingPlan } from "../documents/training.ts";
import type { SolverList } from "../formulation/solve/answer.ts";

/**
 * What a run of the pipeline has around it: where it reports how far it is, what can stop it, and what it writes into
 * files as their origin. Nothing in this room prints.
 */
export interface RunContext {
  readonly progress: Progress;
  /** Stops the run at the next point where its state is saved. */
  readonly signal: AbortSignal;
  /** What started the run, for the provenance of files: the command line as it was typed. */
  readonly commandLine: string;
  /** Lengths of open axes of the network, by the axes' names. */
  readonly bind?: Readonly<Record<string, number>> | undefined;
  /** Solvers that run already; without them each solve starts its own. */
  readonly solvers?: SolverList | undefined;
  /** Called with each result that is known before the end of the run. */
  readonly onEvent: (event: RunEvent) => void;
}

/** A result that is known before the run ends. */
export type RunEvent =
  | {
      readonly kind: "stage";
      readonly name: string;
      readonly seconds: number;
      /** False where an earlier run had done it. */
      readonly ran: boolean;
    }
  | { readonly kind: "calibrated"; readonly report: CalibrateReport }
  | {
      readonly kind: "training";
      readonly plan: TrainingPlan;
      /** Whether the network is validated after every epoch. */
      readonly validates: boolean;
    };

/** A run that reports only to what is given: nothing is printed, and nothing stops it. */
export function runContext(given: Partial<RunContext> = {}): RunContext {
  return {
    progress: SILENT,
    signal: new AbortController().signal,
    commandLine: "the library of mdp",
    bind: {},
    onEvent: () => {},
    ...given,
  };
}

const NOTED = new WeakMap<RunContext["progress"], Set<string>>();

/** A note that is made once in a run, however many of its stages have reason to make it. */
export function noteOnce({ progress }: Pick<RunContext, "progress">, line: string): void {
  const noted = NOTED.get(progress) ?? new Set();
  NOTED.set(progress, noted);
  if (!noted.has(line)) progress.note(line);
  noted.add(line);
}
