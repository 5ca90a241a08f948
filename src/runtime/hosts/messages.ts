import type { CarriedError } from "../../core/carried-error.ts";
import type { Feeds, SessionOptions } from "../session.ts";

/** What a process with sessions is asked; who asks numbers the sessions. */
export type HostRequest =
  | {
      readonly kind: "open";
      readonly session: number;
      readonly source: Uint8Array;
      readonly options: SessionOptions;
    }
  | { readonly kind: "keep"; readonly session: number; readonly feeds: Feeds }
  | { readonly kind: "run"; readonly session: number; readonly feeds: Feeds };

/** Answers come in the order of the requests. */
export type HostAnswer =
  | { readonly kind: "done"; readonly feeds: Feeds | null }
  | { readonly kind: "failed"; readonly error: CarriedError };
