import type { Graph } from "../../../graph/graph.ts";
import type { Optimisation } from "../../../runtime/session.ts";
import type { CreditedTime } from "../../measure/credit.ts";
import type { EndToEnd } from "../../measure/measurer.ts";
import type { ProfiledOp } from "../../ops.ts";
import type { LatencyTable } from "../../table.ts";

/** The ways to run a network on a board, best first where several are there. */
export const RUNNERS = [
  "trtexec",
  "onnxruntime-node",
  "onnxruntime-python",
  "onnxruntime_perf_test",
] as const;

export type RunnerName = (typeof RUNNERS)[number];

/** A network that lies on the board. */
export interface BoardNetwork {
  /** With the batch written into its inputs. */
  readonly graph: Graph;
  /** Name of its file on the board: made of the hash of its bytes. */
  readonly file: string;
  readonly hash: string;
}

export interface RunSettings {
  readonly ops: readonly ProfiledOp[];
  readonly batch: number;
  readonly threads: number;
  readonly precision: string;
  readonly optimisation: Optimisation;
  /** Counted runs per network. */
  readonly repeats: number;
}

/** A network run in turns with the reference. Times in milliseconds. */
export interface BoardRun extends EndToEnd {
  /** Per operation of the dense network; null unless it was recorded. */
  readonly times: readonly CreditedTime[] | null;
}

/**
 * Runs networks on a board with one of its runtimes. What belongs to a network (its file, its engine) has a name that begins
 * with `n` and its hash; what belongs to one measurement of it (times, recordings), with `m` and its hash.
 */
export interface Runner {
  readonly runtime: LatencyTable["runtime"];
  readonly precisions: readonly string[];
  /**
   * @throws InputError as `Board.exec`, `remote/bad-answer`
   */
  readonly run: (
    network: BoardNetwork,
    reference: BoardNetwork,
    recorded: boolean,
  ) => Promise<BoardRun>;
  /** Program and arguments that run the network, which was run before, for `BUSY_MS` without a pause. */
  readonly busy: (network: BoardNetwork, runMs: number) => Promise<readonly string[]>;
}

/** Long enough for several lines of a meter after the network is loaded. */
export const BUSY_MS = 5000;
