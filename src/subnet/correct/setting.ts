import { InterruptedError } from "../../core/errors.ts";
import type { Progress } from "../../core/progress.ts";

/** What every part of a correction needs, with nothing left out. */
export interface Setting {
  /** Output positions per image and layer; undefined: as many as the layer's unknowns ask for. */
  readonly positions: number | undefined;
  readonly ridge: number;
  readonly seed: number;
  readonly threads: number;
  readonly progress: Progress;
  readonly signal: AbortSignal | undefined;
}

/** @throws InterruptedError `correct/interrupted` */
export function checkInterrupted(
  { signal }: Setting,
  done: number,
  total: number,
  what: "fits of layers" | "normalisations",
): void {
  if (signal?.aborted !== true) return;
  throw new InterruptedError({
    code: "correct/interrupted",
    message: `Stopped after ${done} of ${total} ${what}; nothing was written.`,
    hint: "Fewer --images or --positions make it shorter.",
  });
}
