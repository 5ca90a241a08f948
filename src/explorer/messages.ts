import type { Document } from "../documents/document.ts";
import type { STRUCTURE } from "../documents/structure.ts";
import type { LatencyTable } from "../latency/table.ts";
import type { ExplorerData, ExplorerSettings } from "../pipeline/explore/explorer-data.ts";
import type { SessionAnswer, StepLosses } from "./session.ts";

/** What the page asks of its worker. */
export type Question =
  | { readonly kind: "start"; readonly data: ExplorerData; readonly wasm: ArrayBuffer }
  | {
      readonly kind: "solve";
      readonly id: number;
      readonly device: number;
      readonly settings: ExplorerSettings;
      /** Whether a solver certifies what the presolve proves. */
      readonly certify: boolean;
    }
  | { readonly kind: "steps"; readonly id: number; readonly dim: string };

/** An error as people read it. */
export interface TextError {
  readonly code: string;
  readonly message: string;
  readonly where: string | null;
  readonly hint: string | null;
}

/** What the worker says. */
export type Reply =
  | { readonly kind: "ready"; readonly structure: Document<typeof STRUCTURE> }
  | {
      readonly kind: "solved";
      readonly id: number;
      readonly answer: SessionAnswer;
      readonly seconds: number;
      /** Where the device is another one than that of the last answer. */
      readonly table: LatencyTable | null;
    }
  | {
      readonly kind: "steps";
      readonly id: number;
      readonly dim: string;
      readonly losses: StepLosses;
    }
  | { readonly kind: "failed"; readonly id: number | null; readonly error: TextError };
