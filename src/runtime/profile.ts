import { z } from "zod";
import { InputError } from "../core/errors.ts";

/** One operation of one run, as the runtime timed it. Durations are whole microseconds. */
export interface OpEvent {
  /** The runtime's name for the operation, without its suffix; see src/latency/credit.ts for whose time it is. */
  readonly name: string;
  readonly opType: string;
  readonly durationUs: number;
}

/** One run: its operations in the order they ran, and the time of the whole. */
export interface RunProfile {
  readonly events: readonly OpEvent[];
  /** From the call to its return, with what recording costs, in milliseconds. */
  readonly totalMs: number;
}

const EVENTS = z.array(
  z.object({
    cat: z.string(),
    name: z.string(),
    dur: z.number().optional(),
    args: z.object({ op_name: z.string().optional() }).optional(),
  }),
);

const KERNEL_SUFFIX = "_kernel_time";

/**
 * Reads onnxruntime's profile (Chrome trace events as JSON): per run the operations, then an event "model_run".
 * @throws InputError `runtime/bad-profile`
 */
export function parseProfile(text: string, where: string): RunProfile[] {
  const runs: RunProfile[] = [];
  let events: OpEvent[] = [];
  for (const event of parseEvents(text, where)) {
    if (event.cat === "Node" && event.name.endsWith(KERNEL_SUFFIX)) {
      events.push({
        name: event.name.slice(0, -KERNEL_SUFFIX.length),
        opType: event.args?.op_name ?? "",
        durationUs: event.dur ?? 0,
      });
    } else if (event.cat === "Session" && event.name === "model_run") {
      runs.push({ events, totalMs: (event.dur ?? 0) / 1000 });
      events = [];
    }
  }
  return runs;
}

function parseEvents(text: string, where: string): z.infer<typeof EVENTS> {
  try {
    return EVENTS.parse(JSON.parse(text));
  } catch (cause) {
    throw new InputError({
      code: "runtime/bad-profile",
      message: "The runtime's recording of the run can't be read.",
      where,
      hint: "The disk for temporary files may be full, or this version of onnxruntime-node writes another format.",
      cause,
    });
  }
}
