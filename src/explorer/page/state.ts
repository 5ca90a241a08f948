import type { ExplorerData } from "../../pipeline/explore/explorer-data.ts";
import type { Subject } from "../../report/page/subject.ts";
import type { SessionAnswer } from "../session.ts";
import type { Controls } from "./settings.ts";

/** A second worker with the same program. */
export interface Certifier {
  readonly worker: Worker;
  /** Whether it has found the structure and has nothing to do. */
  isFree: boolean;
}

/** Everything that changes while the page is looked at. */
export interface State {
  readonly data: ExplorerData;
  readonly code: string;
  readonly wasm: ArrayBuffer;
  worker: Worker | null;
  /** Certifies the last answer while the other one is free for the next question. */
  certifier: Certifier | null;
  structure: Subject["structure"];
  table: Subject["table"];
  answer: SessionAnswer | null;
  controls: Controls;
  /** The number of the last question; answers to former ones are passed over. */
  asked: number;
  isBusy: boolean;
  isWaiting: boolean;
  isFresh: boolean;
  /** Whether the worker answers for another table than the one whose cells the page has. */
  hasNewTable: boolean;
}

/** @throws Error where the page's markup has no such element */
export function element<Kind extends HTMLElement = HTMLElement>(id: string): Kind {
  const found = document.getElementById(id);
  if (found === null) throw new Error(`The page has no element '${id}'.`);
  // The page's own markup gives each of these names to one kind of element.
  return found as Kind;
}
