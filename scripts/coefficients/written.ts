import type { Graph } from "../../src/graph/graph.ts";
import { openGraph } from "../../src/importance/data/feed.ts";
import { judgeGate } from "../../src/release/gate.ts";
import { parameterCount } from "../../src/structure/counts.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { keepAll, unitCounts } from "../../src/subnet/subnet.ts";
import type { FindOptions, FoundRow, Named } from "./found.ts";
import type { Rows } from "./rows.ts";
import { type Evidence, type Subject, type SubjectOptions, standsOf } from "./subject.ts";
import { repaired, type TuneOptions, tuned } from "./tuned.ts";

/** What every command works on. */
export interface Bench {
  readonly subject: Subject;
  readonly subjectOptions: SubjectOptions;
  readonly rows: Rows;
  /** Names the search. */
  readonly key: string;
  readonly find: FindOptions;
  readonly found: () => Promise<FoundRow>;
}

/** Every start and the search's best on unseen items. @param isTimed with their times, measured in turns */
export async function writeUnrepaired(bench: Bench, isTimed: boolean): Promise<void> {
  const { subject, rows, key } = bench;
  const { structure } = subject.open;
  const found = await bench.found();
  write(`history ${found.history.map((score) => Number(score.toPrecision(5))).join(" ")}`);
  write(
    `${key}: ${found.evaluations} evaluations, ${found.unitRuns} unit runs, ${found.wallSeconds.toFixed(1)} s wall, ${found.cpuSeconds.toFixed(1)} s CPU, ${found.stopped}, best from ${found.from}`,
  );
  const dense = await rows.row(`dense ${subject.name}`, () => subject.test(structure.graph));
  const all = [whole(subject), ...found.subnets];
  const times = isTimed ? await rows.row(`times ${key}`, () => timesOf(subject, all)) : null;
  for (const [at, named] of all.entries()) {
    const evidence = await rows.row(`unseen ${named.name} ${key}`, () =>
      subject.test(cutGraph(structure, named.subnet)),
    );
    const time = times === null ? "" : `, ${times[at]?.toFixed(3)} ms`;
    write(
      `  ${named.name}: ${parametersOf(subject, named)} parameters${time}, ${told(subject, evidence, dense)}`,
    );
  }
}

/** The same subnets without repair, repaired, and repaired and tuned, all in the same way. */
export async function writeTuned(
  bench: Bench,
  tuning: TuneOptions,
  only: string | undefined,
): Promise<void> {
  const { subject, rows, key } = bench;
  const { structure } = subject.open;
  const { subnets } = await bench.found();
  const dense = await rows.row(`dense ${subject.name}`, () => subject.test(structure.graph));
  write(`${key}, ${tuning.steps} steps of ${tuning.batch} at ${tuning.rate}`);
  for (const { name, subnet } of subnets) {
    if (only !== undefined && name !== only) continue;
    const measured = await rows.row(
      `tuned ${name} ${key} ${tuning.steps} ${tuning.rate}`,
      async () => {
        const better = await repaired(subject, subnet);
        const last = await tuned(subject, better, tuning);
        const of = (graph: Graph): Promise<Evidence> => subject.test(graph);
        return {
          before: await of(cutGraph(structure, subnet)),
          repaired: await of(better),
          tuned: await of(last),
        };
      },
    );
    for (const [what, evidence] of Object.entries(measured)) {
      write(`  ${name}, ${what}: ${told(subject, evidence, dense)}`);
    }
  }
}

/** Milliseconds of each subnet on the ranking's samples: the 20 % quantile of runs that took turns. */
async function timesOf(subject: Subject, subnets: readonly Named[]): Promise<readonly number[]> {
  const { open, ranked } = subject;
  const sessions = [];
  for (const { subnet } of subnets)
    sessions.push(await openGraph(open.model, cutGraph(open.structure, subnet), 1));
  const times = subnets.map((): number[] => []);
  for (let turn = 0; turn < 60; turn += 1) {
    for (const [at, session] of sessions.entries()) {
      const began = performance.now();
      await session.run(ranked.feeds);
      if (turn >= 5) times[at]?.push(performance.now() - began);
    }
  }
  for (const session of sessions) await session.close();
  return times.map((list) => list.sort((a, b) => a - b)[Math.floor(list.length / 5)] ?? Number.NaN);
}

function whole({ open }: Subject): Named {
  return { name: "dense", subnet: keepAll(open.structure), score: Number.NaN, coefficients: [] };
}

function parametersOf({ open }: Subject, { subnet }: Named): number {
  const kept = { units: unitCounts(subnet), droppedBlocks: [], droppedLayers: [] };
  return parameterCount(open.structure, kept);
}

export function told({ goals }: Subject, evidence: Evidence, dense: Evidence): string {
  const asked = { rate: 0.05, attempt: 1, seed: 1 };
  const { lines, verdict } = judgeGate(goals, dense, evidence, asked);
  const stands = standsOf(goals, evidence, dense)
    .map(
      ({ name, value, margin }) =>
        `${name} ${value.toFixed(3)}${margin === null ? "" : ` (margin ${margin.toFixed(2)})`}`,
    )
    .join(", ");
  return lines.length === 0 ? stands : `${stands}, gate: ${verdict}`;
}

export function write(line: string): void {
  process.stdout.write(`${line}\n`);
}
