/**
 * Figures of the gate and of the monitor:
 *
 *     npx tsx scripts/bench-gate.ts tries     simulated networks at the limit and above it (A8)
 *     npx tsx scripts/bench-gate.ts monitor   the embedded inspector on darker plates, on another mix of classes, and on the same (A11)
 */
import type { Goal } from "../src/coefficients/goals/goal.ts";
import { parseRequirement } from "../src/coefficients/goals/requirement.ts";
import { randomFrom, shuffled } from "../src/core/random.ts";
import { DEFECTS, drawPlate, PLATE_SIZE } from "../src/data/drawn/plates.ts";
import { modelPath } from "../src/pipeline/open/embedded.ts";
import { driftLines, type Fingerprint, fingerprintOf } from "../src/release/drift.ts";
import { judgeGate } from "../src/release/gate.ts";
import { openSession } from "../src/runtime/session.ts";
import { type Metric, meanMetric } from "../src/tasks/metric.ts";

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

async function monitor(): Promise<void> {
  const path = modelPath(":inspector");
  const session = await openSession(path, { threads: 2 });
  /** Fingerprints of plates of the test split, item by item. */
  const printsOf = async (indices: readonly number[], light: number): Promise<Fingerprint[]> => {
    const prints: Fingerprint[] = [];
    for (const index of indices) {
      const plate = drawPlate({ seed: 1, split: "test" }, index);
      const data = Float32Array.from(plate.pixels, (value) => ((light * value) / 255 - 0.5) / 0.25);
      const feed = { type: "float32", shape: [1, 1, PLATE_SIZE, PLATE_SIZE], data } as const;
      const batch = { size: 1, feeds: { image: feed }, labels: new Int32Array(1) };
      prints.push(fingerprintOf([{ batch, answers: await session.run({ image: feed }) }]));
    }
    return prints;
  };
  const range = (from: number, count: number): readonly number[] =>
    Array.from({ length: count }, (_, index) => from + index);
  const first = await printsOf(range(0, 2000), 1);
  const reference = joined(first);
  const pool = await printsOf(range(2000, 2000), 1);
  const dark = await printsOf(range(2000, 300), 0.7);
  const random = randomFrom(1);
  const sample = (from: readonly Fingerprint[], count: number): Fingerprint[] =>
    Array.from({ length: count }, () => from[random.integer(from.length)]).filter(
      (each) => each !== undefined,
    );
  const flagged = (prints: readonly Fingerprint[]): readonly string[] =>
    driftLines(reference, joined(prints), 0.05)
      .filter(({ isFlagged }) => isFlagged)
      .map(({ what: line }) => line);
  // Nothing changed: both sides are drawn from the same plates, none on both.
  const every = [...first, ...pool];
  let alarms = 0;
  for (let draw = 0; draw < 100; draw += 1) {
    const order = shuffled(every, random);
    const before = joined(order.slice(0, 2000));
    const now = joined(order.slice(2000, 2300));
    if (driftLines(before, now, 0.05).some(({ isFlagged }) => isFlagged)) alarms += 1;
  }
  const ofClass = (label: number): Fingerprint[] =>
    pool.filter((_, at) => drawPlate({ seed: 1, split: "test" }, 2000 + at).defect === label);
  const defects = DEFECTS.map((_, label) => ofClass(label));
  // Twice as many holes, fewer plates in order.
  const mixed = [
    ...sample(defects[0] ?? [], 174),
    ...sample(defects[1] ?? [], 18),
    ...sample(defects[2] ?? [], 36),
    ...sample(defects[3] ?? [], 72),
  ];
  process.stdout.write(
    `brightness -30 %: flagged ${flagged(dark).join(", ") || "nothing"}\nholes 24 % instead of 12 %: flagged ${flagged(mixed).join(", ") || "nothing"}\n${alarms} false alarms in 100 resamples of 300 items\n`,
  );
  await session.close();
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
