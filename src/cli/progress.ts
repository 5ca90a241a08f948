import { Presets, SingleBar } from "cli-progress";
import type { Progress } from "../core/progress.ts";

/** What the bar needs of a stream: standard error, or a stand-in. */
export interface ProgressStream {
  readonly isTTY?: boolean | undefined;
  readonly write: (text: string) => unknown;
}

export interface ScreenProgress extends Progress {
  /** Ends the bar, so that what comes next starts on a line of its own. */
  readonly close: () => void;
}

const PLAIN_LINE_EVERY_SECONDS = 5;

/**
 * Progress on standard error: a bar with the time left on a terminal, plain lines otherwise (at most one in five
 * seconds per label, and the last step).
 */
export function screenProgress(stream: NodeJS.WriteStream): ScreenProgress {
  return stream.isTTY ? barProgress(stream) : lineProgress(stream, () => performance.now() / 1000);
}

function barProgress(stream: NodeJS.WriteStream): ScreenProgress {
  let bar: SingleBar | null = null;
  let current = "";
  const close = (): void => {
    bar?.stop();
    bar = null;
    current = "";
  };
  return {
    close,
    step: (label, done, total, detail = "") => {
      const after = detail === "" ? "" : `, ${detail}`;
      if (label !== current) {
        close();
        current = label;
        bar = new SingleBar(
          {
            stream,
            format: `{label} {bar} {percentage}% {value}/{total}, {eta_formatted} left{after}`,
            hideCursor: true,
            clearOnComplete: true,
            barsize: 24,
          },
          Presets.shades_classic,
        );
        bar.start(total, done, { label, after });
      }
      bar?.setTotal(total);
      bar?.update(done, { after });
      if (done >= total) close();
    },
    note: (line) => {
      close();
      stream.write(`${line}\n`);
    },
  };
}

/** Plain lines, for logs. The clock is in seconds. */
export function lineProgress(stream: ProgressStream, clock: () => number): ScreenProgress {
  let current = "";
  let startedAt = 0;
  let startedWith = 0;
  let saidAt = Number.NEGATIVE_INFINITY;
  return {
    close: () => {},
    step: (label, done, total, detail = "") => {
      const now = clock();
      if (label !== current) {
        current = label;
        startedAt = now;
        startedWith = done;
        saidAt = now;
        if (done < total) return;
      }
      if (done < total && now - saidAt < PLAIN_LINE_EVERY_SECONDS) return;
      if (done >= total && now - startedAt < PLAIN_LINE_EVERY_SECONDS) return;
      saidAt = now;
      const pace = (now - startedAt) / Math.max(done - startedWith, 1e-9);
      const left =
        done > startedWith && done < total ? `, ${Math.ceil(pace * (total - done))} s left` : "";
      const after = detail === "" ? "" : `, ${detail}`;
      stream.write(`${label}: ${done}/${total}${left}${after}\n`);
    },
    note: (line) => {
      stream.write(`${line}\n`);
    },
  };
}
