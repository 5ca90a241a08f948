/** Where long work says how far it is. Only the command line turns it into something on a screen. */
export interface Progress {
  /** `done` of `total` steps of what `label` names; called as often as convenient. `detail` may change from call to call. */
  readonly step: (label: string, done: number, total: number, detail?: string) => void;
  /** A line worth reading on its own. */
  readonly note: (line: string) => void;
}

/** Says nothing. */
export const SILENT: Progress = { step: () => {}, note: () => {} };
