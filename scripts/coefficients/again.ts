import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withGraph } from "../../src/onnx/model.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { findSubnets } from "./found.ts";
import { openSubject } from "./subject.ts";
import { type TuneOptions, tuned } from "./tuned.ts";
import { type Bench, told, write } from "./written.ts";

/**
 * The dense network is trained further, then pruned from nothing and from the coefficients that were found before; how many evaluations
 * each needs for the score that the search from nothing ends with.
 */
export async function writeAgain(bench: Bench, tuning: TuneOptions): Promise<void> {
  const { subject, rows, key, find, subjectOptions } = bench;
  const { structure, model } = subject.open;
  const before = await bench.found();
  const old = new Map(
    before.groups.map((group, at) => [group, before.subnets.at(-1)?.coefficients[at] ?? 1]),
  );
  // Training is repeated by a run that goes on; it is the same each time.
  const path = join(mkdtempSync(join(tmpdir(), "mdp-again-")), `${subject.name}.onnx`);
  writeModel(withGraph(model, await tuned(subject, structure.graph, tuning)), path);
  const other = await openSubject(subjectOptions, path);
  const dense = await rows.row(`dense again ${key}`, () => other.test(other.open.structure.graph));
  const was = await rows.row(`dense ${subject.name}`, () => subject.test(structure.graph));
  write(
    `${key}: dense ${told(subject, was, was)}; after ${tuning.steps} more steps ${told(subject, dense, dense)}`,
  );
  const fresh = await rows.row(`fresh ${key}`, () => findSubnets(other, find));
  const warm = await rows.row(`warm ${key}`, () => findSubnets(other, { ...find, from: old }));
  const needed = (history: readonly number[], score: number): number =>
    1 + history.findIndex((each) => each >= score - 1e-9);
  const [ends, warmEnds] = [fresh, warm].map(({ history }) => history.at(-1) ?? Number.NaN);
  write(
    `  from nothing: ends at ${ends?.toFixed(5)} after ${fresh.evaluations} evaluations, reached at number ${needed(fresh.history, ends ?? 0)}`,
  );
  write(
    `  from old coefficients: reaches that at number ${needed(warm.history, ends ?? 0) || "none"}, ends at ${warmEnds?.toFixed(5)}`,
  );
  for (const share of [0.99, 0.98, 0.95]) {
    // A share of the way from the best of the plain starts to the end.
    const first = Math.max(...fresh.history.slice(0, 3));
    const score = first + share * ((ends ?? 0) - first);
    write(
      `  ${100 * share} % of the way: number ${needed(fresh.history, score)} from nothing, ${needed(warm.history, score)} from old coefficients`,
    );
  }
  await other.runs.close();
}
