import type { Progress } from "../../core/progress.ts";
import type { SolveProgress } from "../../mip/solver.ts";

const NOTE_EVERY_SECONDS = 2;

/** Turns a solver's progress into a line now and then: incumbent, bound and gap. */
export function solveProgressNotes(progress: Progress): (at: SolveProgress) => void {
  let told = 0;
  return (at) => {
    if (at.seconds - told < NOTE_EVERY_SECONDS) return;
    told = at.seconds;
    progress.note(solveProgressLine(at));
  };
}

/** `highs 12 s: best 0.8123, bound 0.8131, gap 0.10 %, 57 nodes`. */
function solveProgressLine(at: SolveProgress): string {
  const number = (value: number | null): string =>
    value === null ? "none yet" : String(Number(value.toPrecision(7)));
  const gap = at.gap === null ? "open" : `${(100 * at.gap).toPrecision(2)} %`;
  const seconds = at.seconds.toFixed(0);
  return `${at.solver} ${seconds} s: best ${number(at.incumbent)}, bound ${number(at.bound)}, gap ${gap}, ${at.nodes} nodes`;
}
