import type { SolveHead } from "../../documents/solve.ts";
import type { BareGraph } from "../../graph/bare-graph.ts";
import type { Importance } from "../../importance/importance.ts";
import type { DeviceDescription, Precision } from "../../latency/predict/device.ts";
import type { LatencyTable } from "../../latency/table.ts";
import type { BlockPlaces } from "../../report/page/op-drawing.ts";

/** What a page of `mdp explore` is made with: everything that the program needs, and no weights. JSON. */
export interface ExplorerData {
  readonly network: {
    readonly name: string;
    /** SHA-256 of its file. */
    readonly hash: string;
    readonly bind: Readonly<Record<string, number>>;
    readonly graph: BareGraph;
  };
  readonly importance: Importance;
  /** Where the importance was read from; null where it was scored for this page. */
  readonly importancePath: string | null;
  /** At least one; the first is the one that was asked for. */
  readonly devices: readonly ExplorerDevice[];
  /** What was asked for, from which the page starts. */
  readonly settings: ExplorerSettings;
  /** Where the ops of each block are drawn, by the block's name; null where it isn't known. */
  readonly places: readonly (readonly [string, BlockPlaces])[] | null;
  /** The words of a command before its options: `mdp solve net.onnx`. */
  readonly command: readonly string[];
}

/** A device with its latencies. */
export interface ExplorerDevice {
  /** What answers on it rest on. */
  readonly head: SolveHead;
  /** The option that names it: `--device jetson` or `--table t.json`. */
  readonly option: readonly [string, string];
  readonly notes: readonly string[];
  /** A predicted table is predicted again in the page: the description is much smaller, and the numbers are the same but for their last digit. */
  readonly latencies:
    | { readonly kind: "table"; readonly table: LatencyTable }
    | {
        readonly kind: "predicted";
        readonly description: DeviceDescription;
        readonly batch: number;
        readonly precision: Precision;
        readonly step: number;
        readonly command: string;
      };
}

/** The settings of a solve that a page knows. */
export interface ExplorerSettings {
  readonly budget: string | undefined;
  readonly step: number | undefined;
  readonly multipleOf: number | undefined;
  readonly maxPrune: number;
  readonly protect: string | undefined;
  readonly blocks: boolean;
  readonly layers: boolean;
  readonly limit: readonly string[];
  readonly soft: readonly string[];
  readonly penalty: readonly string[];
  readonly minimize: string | undefined;
  /** `name=regular expression`. */
  readonly component: readonly string[];
  readonly timeLimit: number | undefined;
  readonly gap: number;
}
