import { expect, test } from "vitest";
import { lineProgress } from "../../src/cli/progress.ts";

test("plain progress says a line at most every five seconds, with the time left", () => {
  const lines: string[] = [];
  let seconds = 0;
  const progress = lineProgress({ write: (text) => lines.push(text) }, () => seconds);
  for (let done = 0; done <= 20; done += 1) {
    progress.step("Profiling", done, 20);
    seconds += 1;
  }
  expect(lines).toEqual([
    "Profiling: 5/20, 15 s left\n",
    "Profiling: 10/20, 10 s left\n",
    "Profiling: 15/20, 5 s left\n",
    "Profiling: 20/20\n",
  ]);
});

test("work that is over at once says nothing", () => {
  const lines: string[] = [];
  const progress = lineProgress({ write: (text) => lines.push(text) }, () => 0);
  progress.step("Reading", 1, 1);
  expect(lines).toEqual([]);
});
