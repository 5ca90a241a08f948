import { describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import type { Box, Target } from "../../src/runtime/batches.ts";
import type { Feed } from "../../src/runtime/session.ts";
import { averagePrecision, byScore, type Find } from "../../src/tasks/average-precision.ts";
import { overlap, suppressed } from "../../src/tasks/detection/detection.ts";
import { decoded } from "../../src/tasks/detection/heads.ts";
import { measure } from "../../src/tasks/measure.ts";
import type { Answer, Metric } from "../../src/tasks/metric.ts";
import {
  cosineToOriginal,
  divergenceFromOriginal,
  sameAnswer,
} from "../../src/tasks/metrics/agreement.ts";
import {
  calibrationError,
  classMetric,
  confusion,
  macroMetric,
  multiLabelPrecision,
  recallAtFalseAlarms,
  topMetric,
} from "../../src/tasks/metrics/classification.ts";
import { meanPrecision, pictureFinds } from "../../src/tasks/metrics/detection.ts";
import {
  meanAbsoluteError,
  meanSquareError,
  peakSignalToNoise,
  ssim,
  structuralSimilarity,
} from "../../src/tasks/metrics/regression.ts";
import { retrievalRecall } from "../../src/tasks/metrics/retrieval.ts";
import { classIou, meanIou, pixelAccuracy } from "../../src/tasks/metrics/segmentation.ts";

const floats = (shape: readonly number[], data: readonly number[]): Feed => ({
  ...{ type: "float32", shape, data: Float32Array.from(data) },
});
const answer = (shape: readonly number[], data: readonly number[]): Answer => ({
  y: floats(shape, data),
});
const label = (index: number): Target => ({ kind: "class", label: index });
const metricOn = <E>(metric: Metric<E>, items: readonly (readonly [Answer, Target])[]): number =>
  metric.pooled(items.map(([a, t]) => metric.perItem(a, t)));

describe("classification", () => {
  // Named: 0 0 1 2 1; right: 1st, 3rd, 4th.
  const items = [
    [answer([3], [3, 1, 0]), label(0)],
    [answer([3], [2, 1, 1]), label(1)],
    [answer([3], [0, 5, 1]), label(1)],
    [answer([3], [0, 1, 4]), label(2)],
    [answer([3], [0, 2, 1]), label(2)],
  ] as const;

  test("top-k: among equal scores the lower class goes first, and nothing beats NaN", () => {
    expect(metricOn(topMetric(1), items)).toBeCloseTo(3 / 5, 12);
    expect(metricOn(topMetric(2), items)).toBe(1);
    expect(topMetric(1).perItem(answer([2], [1, 1]), label(1))).toBe(0);
    expect(topMetric(5).perItem(answer([2], [Number.NaN, 0]), label(0))).toBe(0);
  });

  test("recall, precision and F1 of a class, their macro means, and the confusion matrix", () => {
    expect(metricOn(classMetric("recall", 1, "b"), items)).toBe(1 / 2);
    expect(metricOn(classMetric("precision", 1, "b"), items)).toBe(1 / 2);
    expect(metricOn(classMetric("precision", 0, "a"), items)).toBe(1 / 2);
    expect(metricOn(classMetric("f1", 0, "a"), items)).toBeCloseTo(2 / 3, 12);
    expect(metricOn(macroMetric("recall", 3), items)).toBeCloseTo((1 + 0.5 + 0.5) / 3, 12);
    expect(metricOn(macroMetric("f1", 3), items)).toBeCloseTo((2 / 3 + 1 / 2 + 2 / 3) / 3, 12);
    const evidence = items.map(([a, t]) => classMetric("recall", 0, "a").perItem(a, t));
    expect(confusion(evidence, 3).map((row) => [...row])).toEqual([
      [1, 0, 0],
      [1, 1, 0],
      [0, 1, 1],
    ]);
    expect(metricOn(classMetric("recall", 7, "none"), items)).toBeNaN();
  });

  test("calibration: the gap between sureness and rightness, bin by bin", () => {
    // 0.9 twice (one right) and 0.6 once (right): (2 |0.9 - 0.5| + |0.6 - 1|) / 3.
    const sure = (p: number): Answer => answer([2], [p, 1 - p]);
    const wanted = (2 * 0.4 + 0.4) / 3;
    const value = metricOn(calibrationError(), [
      [sure(0.9), label(0)],
      [sure(0.9), label(1)],
      [sure(0.6), label(0)],
    ]);
    expect(value).toBeCloseTo(wanted, 6);
  });

  test("recall at a rate of false alarms: the threshold lets that share of the harmless pass, and no more", () => {
    const item = (score: number, of: number): readonly [Answer, Target] => [
      answer([2], [1 - score, score]),
      label(of),
    ];
    const harmless = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.85, 0.9].map((s) => item(s, 0));
    const wrong = [0.95, 0.88, 0.87, 0.5].map((s) => item(s, 1));
    const all = [...harmless, ...wrong];
    // None may pass: above 0.9 lies one of four; one of ten may: above 0.85 lie three.
    expect(metricOn(recallAtFalseAlarms(1, "b", 0), all)).toBe(1 / 4);
    expect(metricOn(recallAtFalseAlarms(1, "b", 0.1), all)).toBe(3 / 4);
    expect(metricOn(recallAtFalseAlarms(1, "b", 1), all)).toBe(1);
  });

  test("several labels: mean average precision is that of the definition", () => {
    const tagged = (scores: readonly number[], labels: readonly number[]): [Answer, Target] => [
      answer([2], scores),
      { kind: "classes", labels },
    ];
    const items = [
      tagged([0.9, 0.1], [0]),
      tagged([0.8, 0.6], []),
      tagged([0.7, 0.9], [0, 1]),
      tagged([0.1, 0.8], []),
    ];
    // Class 0: hits at places 1 and 3: (1 + 2/3) / 2; class 1: hit at place 1.
    expect(metricOn(multiLabelPrecision(), items)).toBeCloseTo((5 / 6 + 1) / 2, 12);
  });

  test("targets of another kind, and labels beyond the classes, are refused", () => {
    expect(() => topMetric(1).perItem(answer([2], [1, 2]), { kind: "none" })).toThrowError(
      expect.objectContaining({ code: "tasks/bad-target", exitCode: 3 }),
    );
    expect(() => topMetric(1).perItem(answer([2], [1, 2]), label(2))).toThrowError(
      expect.objectContaining({ code: "data/bad-label" }),
    );
    expect(() => topMetric(1).perItem(answer([2, 4, 4], []), label(0))).toThrowError(
      expect.objectContaining({ code: "tasks/bad-answer" }),
    );
  });
});

describe("segmentation", () => {
  const target: Target = {
    ...{ kind: "mask", height: 2, width: 4, ignore: -1 },
    labels: Int32Array.of(0, 0, 1, 1, 0, 0, 1, -1),
  };
  // Scores at half the size: left pixel class 0, right one class 1, except the upper right which is 2.
  const half = answer([3, 1, 2], [5, 0, 0, 9, 0, 0]);
  const whole = answer(
    [3, 2, 4],
    [...[1, 1, 0, 0, 1, 0, 0, 0], ...[0, 0, 1, 0, 0, 1, 1, 1], ...[0, 0, 0, 1, 0, 0, 0, 0]],
  );

  test("intersection over union, over all pictures together; pixels without a class count for nothing", () => {
    // Named: 0 0 1 2 / 0 1 1 (1).
    const items = [[whole, target]] as const;
    expect(metricOn(classIou(0, "a"), items)).toBeCloseTo(3 / 4, 12);
    expect(metricOn(classIou(1, "b"), items)).toBeCloseTo(2 / 4, 12);
    expect(metricOn(meanIou(), items)).toBeCloseTo((3 / 4 + 2 / 4 + 0) / 3, 12);
    expect(metricOn(pixelAccuracy(), items)).toBeCloseTo(5 / 7, 12);
    // Pooled, not a mean of pictures: the second one is all right.
    const right: Target = { ...target, labels: Int32Array.of(0, 0, 1, 2, 0, 1, 1, 1) } as Target;
    expect(metricOn(classIou(0, "a"), [...items, [whole, right]])).toBeCloseTo(6 / 7, 12);
  });

  test("outputs of lower resolution are stretched; whole numbers and one channel are taken as they are", () => {
    expect(metricOn(pixelAccuracy(), [[half, target]])).toBe(1);
    const classes: Answer = {
      y: { type: "int64", shape: [1, 2], data: BigInt64Array.of(0n, 1n) },
    };
    expect(metricOn(pixelAccuracy(), [[classes, target]])).toBe(1);
    const one = (low: number, high: number): Answer =>
      answer([1, 2, 4], [low, low, high, high, low, low, high, high]);
    expect(metricOn(pixelAccuracy(), [[one(-3, 3), target]])).toBe(1);
    expect(metricOn(pixelAccuracy(), [[one(0.2, 0.7), target]])).toBe(1);
  });

  test("the fast way of resampling gives what repeated pictures give", () => {
    const metric = meanIou();
    const evidence = [whole, half, whole].map((each) => metric.perItem(each, target));
    const { pooler: _, ...slow } = metric;
    expect(measure(metric, evidence, { seed: 2, resamples: 50 })).toEqual(
      measure(slow, evidence, { seed: 2, resamples: 50 }),
    );
  });
});

describe("values", () => {
  const items = [
    [answer([2], [1, 3]), { kind: "values", values: { "": floats([2], [0, 1]) } }],
    [answer([2], [2, 2]), { kind: "values", values: { "": floats([2], [2, 2]) } }],
  ] as const satisfies readonly (readonly [Answer, Target])[];

  test("mean square, mean absolute error and PSNR, the latter finite for equal pictures", () => {
    expect(metricOn(meanSquareError(), items)).toBeCloseTo((5 / 2 + 0) / 2, 12);
    expect(metricOn(meanAbsoluteError(), items)).toBeCloseTo((3 / 2 + 0) / 2, 12);
    const psnr = peakSignalToNoise({ range: 10 });
    expect(metricOn(psnr, items.slice(0, 1))).toBeCloseTo(10 * Math.log10(100 / 2.5), 6);
    expect(metricOn(psnr, items.slice(1))).toBeCloseTo(100, 6);
    expect(() => psnr.perItem(answer([3], [1, 2, 3]), items[0][1])).toThrowError(
      expect.objectContaining({ code: "tasks/bad-target" }),
    );
  });

  test("SSIM is 1 for equal pictures, its closed form for flat ones, and the sum over the window for one window, seed 8", () => {
    const random = randomFrom(8);
    const draw = (): Float64Array => Float64Array.from({ length: 121 }, () => random.next());
    const [x, y] = [draw(), draw()];
    expect(ssim(x, x, 11, 11, 1)).toBeCloseTo(1, 12);
    const [a, b, c1] = [0.2, 0.6, 0.01 ** 2];
    const flat = (value: number): Float64Array => new Float64Array(13 * 12).fill(value);
    expect(ssim(flat(a), flat(b), 13, 12, 1)).toBeCloseTo(
      (2 * a * b + c1) / (a * a + b * b + c1),
      10,
    );
    // The definition with a two-dimensional window, summed plainly.
    const raw = Array.from({ length: 121 }, (_, at) => {
      const [row, column] = [Math.floor(at / 11) - 5, (at % 11) - 5];
      return Math.exp(-(row ** 2 + column ** 2) / 4.5);
    });
    const total = raw.reduce((sum, weight) => sum + weight, 0);
    const mean = (of: (at: number) => number): number =>
      raw.reduce((sum, weight, at) => sum + (weight / total) * of(at), 0);
    const [mx, my] = [mean((at) => x[at] ?? 0), mean((at) => y[at] ?? 0)];
    const vx = mean((at) => ((x[at] ?? 0) - mx) ** 2);
    const vy = mean((at) => ((y[at] ?? 0) - my) ** 2);
    const cov = mean((at) => ((x[at] ?? 0) - mx) * ((y[at] ?? 0) - my));
    const c2 = 0.03 ** 2;
    const wanted =
      ((2 * mx * my + c1) * (2 * cov + c2)) / ((mx ** 2 + my ** 2 + c1) * (vx + vy + c2));
    expect(ssim(x, y, 11, 11, 1)).toBeCloseTo(wanted, 10);
    const picture = (values: Float64Array): Answer => answer([1, 11, 11], [...values]);
    const target: Target = { kind: "values", values: { "": floats([1, 11, 11], [...y]) } };
    expect(metricOn(structuralSimilarity(), [[picture(x), target]])).toBeCloseTo(wanted, 5);
    expect(() => ssim(x, y, 10, 11, 1)).toThrowError(
      expect.objectContaining({ code: "tasks/bad-answer" }),
    );
  });
});

describe("retrieval and agreement", () => {
  test("the partner's place among all by cosine, both ways; ties count against it", () => {
    const pairOf = (left: readonly number[], right: readonly number[]): Answer => ({
      image: floats([2], left),
      text: floats([2], right),
    });
    const answers = [pairOf([1, 0], [2, 0.1]), pairOf([0, 1], [3, 0]), pairOf([1, 1], [0, 5])];
    const value = (k: number, way: "left to right" | "right to left"): number =>
      metricOn(
        retrievalRecall(k, way, ["image", "text"]),
        answers.map((each) => [each, { kind: "none" }] as const),
      );
    // From images: 0 is nearest to text 1 and then 0; 1 has text 1 last; 2 has text 2 last, equal to text 1. From texts: 0 finds its own, 1 last, 2 second.
    expect(value(1, "left to right")).toBe(0);
    expect(value(2, "left to right")).toBeCloseTo(1 / 3, 12);
    expect(value(2, "right to left")).toBeCloseTo(2 / 3, 12);
    expect(value(1, "right to left")).toBeCloseTo(1 / 3, 12);
    const metric = retrievalRecall(1, "right to left", ["image", "text"]);
    const evidence = answers.map((each) => metric.perItem(each, { kind: "none" }));
    expect(JSON.parse(JSON.stringify(evidence))).toEqual(evidence);
    expect(measure(metric, evidence)).toMatchObject({ by: "wilson", value: 1 / 3 });
  });

  test("cosine, divergence and same answer to the original's", () => {
    const original: Target = { kind: "values", values: { y: floats([2], [0, Math.log(3)]) } };
    const items = [[answer([2], [1, 1]), original]] as const;
    expect(metricOn(cosineToOriginal("y"), items)).toBeCloseTo(Math.SQRT1_2, 6);
    // p = (1/4, 3/4), q = (1/2, 1/2).
    const wanted = 0.25 * Math.log(0.5) + 0.75 * Math.log(1.5);
    expect(metricOn(divergenceFromOriginal("y"), items)).toBeCloseTo(wanted, 6);
    expect(metricOn(sameAnswer("y"), items)).toBe(0);
  });
});

describe("detection", () => {
  const box = (left: number, top: number, right: number, bottom: number, of = 0): Box => ({
    ...{ left, top, right, bottom, label: of },
  });
  const placement = { height: 100, width: 100, scale: [1, 1], offset: [0, 0] } as const;
  const picture = (...boxes: Box[]): Target => ({ kind: "boxes", boxes, placement });
  const found = (b: Box, score: number): Box & { readonly score: number } => ({ ...b, score });
  const precision = (
    name: "mAP@[.5:.95]" | "mAP@.5",
    pictures: readonly (readonly [readonly (Box & { readonly score: number })[], Target])[],
  ): number =>
    meanPrecision(name, () => []).pooled(pictures.map(([finds, t]) => pictureFinds(finds, t)));

  test("overlap is shared area over joint area", () => {
    expect(overlap(box(0, 0, 10, 10), box(5, 0, 15, 10))).toBeCloseTo(50 / 150, 12);
    expect(overlap(box(0, 0, 10, 10), box(10, 0, 20, 10))).toBe(0);
  });

  test("of overlapping boxes of one class the best stays; other classes are left alone", () => {
    const kept = suppressed(
      [
        found(box(0, 0, 10, 10), 0.9),
        found(box(1, 0, 11, 10), 0.8),
        found(box(1, 0, 11, 10, 1), 0.7),
        found(box(50, 0, 60, 10), 0.6),
        found(box(80, 0, 90, 10), 0.001),
      ],
      { iou: 0.5, score: 0.01 },
    );
    expect(kept.map(({ score }) => score)).toEqual([0.9, 0.7, 0.6]);
  });

  test("a miss and a false find: 101-point precision, as COCO takes it", () => {
    // One class, two objects; found: right, wrong, right. Precision 1 up to recall .5, then 2/3.
    const truth = picture(box(0, 0, 10, 10), box(40, 40, 60, 60));
    const finds = [
      found(box(0, 0, 10, 10), 0.9),
      found(box(80, 80, 90, 90), 0.8),
      found(box(40, 40, 60, 60), 0.7),
    ];
    const wanted = (51 * 1 + 50 * (2 / 3)) / 101;
    expect(precision("mAP@.5", [[finds, truth]])).toBeCloseTo(wanted, 12);
    // Without the second object found, points above recall .5 have precision 0.
    expect(precision("mAP@.5", [[finds.slice(0, 2), truth]])).toBeCloseTo(51 / 101, 12);
  });

  test("the ten thresholds: a box with an overlap of .72 is found at five of them", () => {
    const truth = picture(box(0, 0, 100, 10));
    const finds = [found(box(0, 0, 72, 10), 0.9)];
    expect(precision("mAP@[.5:.95]", [[finds, truth]])).toBeCloseTo(5 / 10, 12);
    expect(precision("mAP@.5", [[finds, truth]])).toBe(1);
  });

  test("an object is found once: the second find of it is wrong", () => {
    const truth = picture(box(0, 0, 10, 10));
    const twice = [found(box(0, 0, 10, 10), 0.9), found(box(0, 0, 10, 10), 0.8)];
    expect(precision("mAP@.5", [[twice, truth]])).toBe(1);
    const wrongFirst = [found(box(50, 50, 60, 60), 0.95), ...twice];
    expect(precision("mAP@.5", [[wrongFirst, truth]])).toBeCloseTo(1 / 2, 12);
  });

  test("crowds and difficult objects are neither hits nor misses", () => {
    const crowd: Box = { ...box(50, 0, 100, 100), ignored: "crowd" };
    const truth = picture(box(0, 0, 10, 10), crowd);
    const inside = [found(box(60, 10, 70, 20), 0.99), found(box(80, 10, 90, 20), 0.98)];
    const right = found(box(0, 0, 10, 10), 0.5);
    expect(precision("mAP@.5", [[[...inside, right], truth]])).toBe(1);
    // The same finds without the crowd are false alarms before the hit.
    expect(precision("mAP@.5", [[[...inside, right], picture(box(0, 0, 10, 10))]])).toBeCloseTo(
      1 / 3,
      12,
    );
    const difficult: Box = { ...box(60, 10, 70, 20), ignored: "difficult" };
    const one = picture(box(0, 0, 10, 10), difficult);
    expect(precision("mAP@.5", [[[...inside, right], one]])).toBeCloseTo(1 / 2, 12);
  });

  test("classes weigh the same; those without objects don't count; pictures are pooled", () => {
    const finds = [found(box(0, 0, 10, 10, 3), 0.9)];
    const pictures = [
      [finds, picture(box(0, 0, 10, 10, 3))],
      [[found(box(0, 0, 5, 5, 7), 0.9)], picture(box(20, 20, 30, 30, 1))],
    ] as const;
    expect(precision("mAP@.5", pictures)).toBe(1 / 2);
  });

  test("average precision is that of a plain evaluation on random finds, seed 12", () => {
    const random = randomFrom(12);
    for (let trial = 0; trial < 20; trial += 1) {
      const finds: Find[] = Array.from({ length: 30 }, (_, item) => ({
        ...{ item, score: 1 - item / 30, hit: random.next() < 0.5 },
      }));
      const counts = finds.map(() => random.integer(3));
      const flat = finds.flatMap((find, at) => new Array<boolean>(counts[at] ?? 0).fill(find.hit));
      const positives = flat.filter((hit) => hit).length + 4;
      const curve = flat.map((_, at) => {
        const hits = flat.slice(0, at + 1).filter((hit) => hit).length;
        return { recall: hits / positives, precision: hits / (at + 1) };
      });
      const wanted =
        Array.from({ length: 101 }, (_, point) =>
          Math.max(0, ...curve.filter((c) => c.recall >= point / 100).map((c) => c.precision)),
        ).reduce((sum, each) => sum + each, 0) / 101;
      expect(averagePrecision(finds, positives, counts, "points")).toBeCloseTo(wanted, 2);
    }
  });
});

test("the mean over classes and thresholds is that of the plain average precision of each, with repeats and finds that don't count, seed 14", () => {
  const random = randomFrom(14);
  const bits = (): number => random.integer(1 << 10);
  for (let trial = 0; trial < 10; trial += 1) {
    const pictures = Array.from({ length: 12 }, () =>
      [0, 1, 2].map((label) => ({
        ...{ label, objects: random.integer(3) },
        finds: Array.from({ length: random.integer(6) }, () => {
          const ignored = random.next() < 0.2 ? bits() : 0;
          return [random.integer(20) / 20, bits() & ~ignored, ignored] as const;
        }),
      })),
    );
    const counts = pictures.map(() => random.integer(3));
    const values = [0, 1, 2].flatMap((label) => {
      const own = pictures.map((picture) => picture[label]);
      const positives = own.reduce(
        (sum, each, item) => sum + (each?.objects ?? 0) * (counts[item] ?? 0),
        0,
      );
      if (positives === 0) return [];
      return Array.from({ length: 10 }, (_, bit) => {
        const finds = own.flatMap((each, item) =>
          (each?.finds ?? []).flatMap(([score, hits, ignored]): Find[] =>
            (ignored >> bit) & 1 ? [] : [{ score, item, hit: ((hits >> bit) & 1) === 1 }],
          ),
        );
        return averagePrecision(byScore(finds), positives, counts, "points");
      });
    });
    const wanted = values.reduce((sum, each) => sum + each, 0) / values.length;
    const metric = meanPrecision("mAP@[.5:.95]", () => []);
    expect(metric.pooler?.(pictures)(counts)).toBeCloseTo(wanted, 12);
    expect(Number.isFinite(wanted)).toBe(true);
  }
});

describe("heads are decoded to boxes in pixels", () => {
  const size = { height: 16, width: 16 };
  const sides = ({ left, top, right, bottom }: Box): readonly number[] => [
    left,
    top,
    right,
    bottom,
  ];

  test("YOLOX: cell and stride, size by exp, objectness times class", () => {
    // Strides 8 and 16: 4 + 1 rows; the fourth row is cell (1, 1) of stride 8.
    const rows = Array.from({ length: 5 }, () => [0, 0, 0, 0, 0, 1, 0]);
    rows[3] = [0.5, 0.25, Math.log(2), 0, 0.8, 0.5, 0.9];
    const head = { kind: "yolox", strides: [8, 16] } as const;
    const [first, second] = decoded(head, answer([5, 7], rows.flat()), size);
    expect(first && sides(first)).toEqual([4, 6, 20, 14].map((side) => expect.closeTo(side, 5)));
    expect([first?.label, first?.score]).toEqual([0, expect.closeTo(0.4, 6)]);
    expect([second?.label, second?.score]).toEqual([1, expect.closeTo(0.72, 6)]);
    expect(() =>
      decoded({ kind: "yolox", strides: [8] }, answer([5, 7], rows.flat()), size),
    ).toThrowError(expect.objectContaining({ code: "tasks/bad-head", exitCode: 3 }));
  });

  test("YOLOv5 and v8 as they are exported", () => {
    const five = decoded({ kind: "yolov5" }, answer([1, 7], [8, 6, 4, 2, 0.5, 0.8, 0]), size);
    expect(five.map(sides)).toEqual([[6, 5, 10, 7]]);
    expect(five[0]?.score).toBeCloseTo(0.4, 6);
    const eight = decoded(
      { kind: "yolov8" },
      answer([5, 2], [8, 0, 6, 0, 4, 0, 2, 0, 0.9, 0]),
      size,
    );
    expect(eight.map(sides)).toEqual([[6, 5, 10, 7]]);
  });

  test("YOLOv5's own maps, in both layouts", () => {
    // One anchor of 10 x 20, one cell of stride 16; sigmoid(0) = 1/2.
    const raw = [0, 0, 0, 0, 100, 0];
    const head = { kind: "yolov5-maps", strides: [16], anchors: [[[10, 20]]] } as const;
    for (const shape of [
      [1, 1, 1, 6],
      [6, 1, 1],
    ]) {
      const [only] = decoded(head, answer(shape, raw), size);
      // Middle (2 * .5 - .5) * 16 = 8; size (2 * .5)^2 of the anchor.
      expect(only && sides(only)).toEqual([3, -2, 13, 18]);
      expect(only?.score).toBeCloseTo(0.5, 6);
    }
  });

  test("SSD: offsets from anchors by variances, softmax without the background", () => {
    const head = {
      ...({ kind: "ssd", boxes: "loc", scores: "conf" } as const),
      anchors: [[0.5, 0.5, 0.25, 0.5]],
    } as const;
    const outputs: Answer = {
      loc: floats([1, 4], [2, 0, 0, Math.log(2) / 0.2]),
      conf: floats([1, 3], [0, Math.log(2), Math.log(3)]),
    };
    const [first, second] = decoded(head, outputs, size);
    // Middle x .5 + 2 * .1 * .25 = .55; height .5 * 2 = 1.
    expect(first && sides(first)).toEqual(
      [6.8, 0, 10.8, 16].map((side) => expect.closeTo(side, 4)),
    );
    expect([first?.label, first?.score]).toEqual([0, expect.closeTo(1 / 3, 5)]);
    expect([second?.label, second?.score]).toEqual([1, expect.closeTo(1 / 2, 5)]);
  });

  test("centres: distances to the sides in cells, peaks alone, centreness", () => {
    const outputs: Answer = {
      heat: floats([1, 2, 2], [0.9, 0.5, 0.2, 0.1]),
      sides: floats([4, 2, 2], [0.5, 1, 1, 1, 0.5, 1, 1, 1, 1, 1, 1, 1, 0.5, 1, 1, 1]),
      near: floats([1, 2, 2], [0.4, 1, 1, 1]),
    };
    const level = { scores: "heat", sides: "sides", stride: 8 };
    const peaks = decoded({ kind: "centres", levels: [level], peaks: true }, outputs, size);
    expect(peaks.map(sides)).toEqual([[0, 0, 12, 8]]);
    const all = decoded(
      { kind: "centres", levels: [{ ...level, centreness: "near" }] },
      outputs,
      size,
    );
    expect(all).toHaveLength(4);
    expect(all[0]?.score).toBeCloseTo(0.6, 6);
  });

  test("boxes that are ready: forms of sides, shares, background, labels", () => {
    const outputs: Answer = {
      boxes: floats([1, 4], [0.25, 0.5, 0.75, 1]),
      scores: floats([2, 1], [0.3, 0.6]),
      one: floats([1], [0.9]),
      of: { type: "int64", shape: [1], data: BigInt64Array.of(4n) },
    };
    const shares = { kind: "boxes", boxes: "boxes", scores: "scores", shares: true } as const;
    const background = decoded({ ...shares, background: true, form: "yxyx" }, outputs, size);
    expect(background.map(sides)).toEqual([[8, 4, 16, 12]]);
    expect([background[0]?.label, background[0]?.score]).toEqual([0, expect.closeTo(0.6, 6)]);
    const labelled = decoded({ ...shares, scores: "one", labels: "of" }, outputs, size);
    expect([labelled[0]?.label, labelled.map(sides)[0]]).toEqual([4, [4, 8, 12, 16]]);
  });
});
