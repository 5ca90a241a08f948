import { InterruptedError } from "../../core/errors.ts";

/** @throws InterruptedError `importance/interrupted` */
export function checkGoing(signal: AbortSignal | undefined, done: number, total: number): void {
  if (signal?.aborted !== true) return;
  throw new InterruptedError({
    code: "importance/interrupted",
    message: `Stopped after ${done} of ${total} measurements of damage; nothing was written.`,
    hint: "Fewer --images make it shorter; --rates lamp needs no measurements.",
  });
}
