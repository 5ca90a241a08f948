import { openMaskedRuns } from "../../src/coefficients/masked-runs.ts";
import { openGraph } from "../../src/importance/data/feed.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { keepAll } from "../../src/subnet/subnet.ts";
import { type Bench, write } from "./written.ts";

/** CPU and wall milliseconds of one evaluation on the search items, and of its parts. */
export async function writeTimes({ subject }: Bench): Promise<void> {
  const { open, search, learned } = subject;
  const whole = keepAll(open.structure);
  const batch = learned(0, 192);
  const dense = await openGraph(open.model, open.structure.graph, 1);
  const one = await openMaskedRuns(open.model, open.structure, 1);
  const narrow = {
    ...whole,
    kept: whole.kept.map((units, dim) =>
      open.structure.dims[dim]?.pinned === null
        ? units.slice(0, Math.ceil(units.length / 2))
        : units,
    ),
  };
  const parts = {
    "half the units, cut": async () => cutGraph(open.structure, narrow),
    "half the units, cut, opened and run, 1 thread": async () => {
      const session = await openGraph(open.model, cutGraph(open.structure, narrow), 1);
      await session.run(batch.feeds);
      await session.close();
    },
    "evaluation, 2 threads": () => search(whole),
    "masked run of 192, 2 threads": () => subject.runs.answers(whole, batch),
    "masked run of 192, 1 thread": () => one.answers(whole, batch),
    "plain run of 192, 1 thread": () => dense.run(batch.feeds),
  };
  for (const [name, act] of Object.entries(parts)) {
    for (let warm = 0; warm < 3; warm += 1) await act();
    const cpu = process.cpuUsage();
    const began = performance.now();
    for (let turn = 0; turn < 20; turn += 1) await act();
    const { user, system } = process.cpuUsage(cpu);
    write(
      `${name}: ${((user + system) / 2e4).toFixed(1)} ms CPU, ${((performance.now() - began) / 20).toFixed(1)} ms wall`,
    );
  }
  await dense.close();
  await one.close();
}
