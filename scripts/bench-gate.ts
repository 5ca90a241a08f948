/**
 * Figures of the gate and of the monitor:
 *
 *     npx tsx scripts/bench-gate.ts tries     simulated networks at the limit and above it (A8)
 *     npx tsx scripts/bench-gate.ts monitor   the embedded inspector on darker plates, on another mix of classes, and on the same (A11)
 */
import type { Goal } from "../src/coefficients/goals/goal.ts";
import { parseRequirement } from "../src/coefficients/goals/requirement.ts";
import { randomFrom, shuffled } from "../src/core/random.ts";
import { drawPlate, PLATE_SIZE } from "../src/data/drawn/plates.ts";
import { modelPath } from "../src/pipeline/open/embedded.ts";
import { driftLines, type Fingerprint, fingerprintOf } from "../src/release/drift.ts";
import { judgeGate } from "../src/release/gate.ts";
import { chiSquared, holm, kolmogorovSmirnov } from "../src/release/two-sample.ts";
import { openSession } from "../src/runtime/session.ts";
import { type Metric, meanMetric } from "../src/tasks/metric.ts";

type Plate = ReturnType<typeof drawPlate>;
const [CHUNK, RATE] = [100, 0.05];

const [what = "tries"] = process.argv.slice(2);
if (what === "tries") tries();
else await monitor();

function tries(): void {
  const [simulations, items, above] = [4000, 400, 0.15];
  const metric = meanMetric(
    { name: "score", better: "higher", unit: "number", pooling: "mean" },
    () => Number.NaN,
  ) as Metric;
  const goals: readonly Goal[] = [
    { metric, require: parseRequirement(">= 0", "score"), maximize: null },
  ];
  const random = randomFrom(1);
  const draw = (mean: number): number[] =>
    Array.from({ length: items }, () => mean + random.normal());
  const dense = [draw(1)];
  const passes = (mean: number, attempt: number): boolean =>
    judgeGate(goals, dense, [draw(mean)], { rate: 0.05, attempt, seed: 1 }).verdict === "pass";
  let [falsePasses, passed] = [0, 0];
  for (let run = 0; run < simulations; run += 1) {
    if ([1, 2, 3, 4, 5].some((attempt) => passes(0, attempt))) falsePasses += 1;
    if (passes(above, 1)) passed += 1;
  }
  const percent = (count: number): string => `${((100 * count) / simulations).toFixed(1)} %`;
  process.stdout.write(
    `${simulations} simulations, ${items} items: at the limit ${percent(falsePasses)} pass in five tries; ${above} standard deviations above it ${percent(passed)} pass\n`,
  );
}

/**
 * One reference of 2,000 plates, and a hundred samples of 300 plates that no other sample has: as they are, and 30 % darker. Fifty samples of
 * another mix are dealt from the same plates, each plate once. The same for four other references, since a rate that holds on average may
 * not hold for one of them.
 */
async function monitor(): Promise<void> {
  const [references, samples, size, many] = [5, 100, 300, 2000];
  const session = await openSession(modelPath(":inspector"), { threads: 2 });
  const random = randomFrom(1);
  let next = 0;
  const plates = (count: number): readonly Plate[] =>
    Array.from({ length: count }, () => {
      next += 1;
      return drawPlate({ seed: 1, split: "test" }, next - 1);
    });
  const printOf = async (drawn: readonly Plate[], light = 1): Promise<Fingerprint> => {
    const prints: Fingerprint[] = [];
    for (let at = 0; at < drawn.length; at += CHUNK) {
      const part = drawn.slice(at, at + CHUNK);
      const data = Float32Array.from(
        part.flatMap(({ pixels }) => [...pixels]),
        (value) => ((light * value) / 255 - 0.5) / 0.25,
      );
      const shape = [part.length, 1, PLATE_SIZE, PLATE_SIZE];
      const feed = { type: "float32", shape, data } as const;
      const batch = { size: part.length, feeds: { image: feed }, labels: new Int32Array(0) };
      prints.push(fingerprintOf([{ batch, answers: await session.run({ image: feed }) }]));
    }
    return joined(prints);
  };
  const printsOf = async (
    lists: readonly (readonly Plate[])[],
    light = 1,
  ): Promise<readonly Fingerprint[]> => {
    const made: Fingerprint[] = [];
    for (const list of lists) made.push(await printOf(list, light));
    return made;
  };
  const before = await printsOf(Array.from({ length: references }, () => plates(many)));
  const drawn = Array.from({ length: samples }, () => plates(size));
  const same = await printsOf(drawn);
  const dark = await printsOf(drawn, 0.7);
  // Twice as many holes, fewer plates in order: 58, 6, 12 and 24 %.
  const counts = [174, 18, 36, 72];
  const pools = counts.map((_, label) => drawn.flat().filter(({ defect }) => defect === label));
  const fit = Math.min(
    ...counts.map((count, label) => Math.floor((pools[label]?.length ?? 0) / count)),
  );
  const mixed = await printsOf(
    Array.from({ length: fit }, (_, at) =>
      shuffled(
        counts.flatMap((count, label) => pools[label]?.slice(at * count, (at + 1) * count) ?? []),
        random,
      ),
    ),
  );
  const alarms = (reference: Fingerprint, prints: readonly Fingerprint[]): number =>
    prints.filter((print) => driftLines(reference, print, RATE).some(({ isFlagged }) => isFlagged))
      .length;
  const told = (prints: readonly Fingerprint[]): string => {
    const [first = 0, ...others] = before.map((reference) => alarms(reference, prints));
    return `${first} of ${prints.length}; against four other references ${others.join(", ")}`;
  };
  const [reference] = before;
  const [darkest] = dark;
  const lines =
    reference === undefined || darkest === undefined
      ? []
      : driftLines(reference, darkest, RATE).filter(({ isFlagged }) => isFlagged);
  process.stdout.write(
    `${next} plates drawn, samples of ${size} new ones against a reference of ${many}, error rate ${RATE}\n` +
      `nothing changed: flagged ${told(same)}\n` +
      `brightness -30 %: flagged ${told(dark)}; lines of the first: ${lines.map(({ what: line }) => line).join(", ")}\n` +
      `holes 24 % instead of 12 %: flagged ${told(mixed)}\n` +
      `without regard to the reference's own error: nothing changed, flagged ${before.map((each) => plainAlarms(each, same)).join(", ")}\n`,
  );
  await session.close();
}

/** The same lines by plain two-sample tests. */
function plainAlarms(reference: Fingerprint, prints: readonly Fingerprint[]): number {
  return prints.filter((print) => {
    const ps = [
      ...Object.entries(reference.numbers).map(
        ([line, values]) => kolmogorovSmirnov(values, print.numbers[line] ?? []).p,
      ),
      ...Object.entries(reference.classes).map(([line, values]) => {
        const later = print.classes[line] ?? [];
        const most = Math.max(...values, ...later);
        const counts = (labels: readonly number[]): number[] =>
          Array.from(
            { length: most + 1 },
            (_, label) => labels.filter((each) => each === label).length,
          );
        return chiSquared(counts(values), counts(later)).p;
      }),
    ];
    return holm(ps).some((p) => p < RATE);
  }).length;
}

function joined(prints: readonly Fingerprint[]): Fingerprint {
  const all = (of: "numbers" | "classes"): Record<string, number[]> => {
    const lists: Record<string, number[]> = {};
    for (const print of prints) {
      for (const [line, values] of Object.entries(print[of])) {
        const list = lists[line] ?? [];
        lists[line] = list;
        list.push(...values);
      }
    }
    return lists;
  };
  return { numbers: all("numbers"), classes: all("classes") };
}
