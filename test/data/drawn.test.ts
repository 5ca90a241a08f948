import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { sha256 } from "../../src/core/files.ts";
import { SILENT } from "../../src/core/progress.ts";
import { captionPairs, SCENES } from "../../src/data/drawn/captions.ts";
import {
  DRAWN_SETS,
  type DrawnFiles,
  type DrawnName,
  type DrawnSample,
} from "../../src/data/drawn/files.ts";
import { observed, pendulumReward, pendulumStep, sine } from "../../src/data/drawn/pendulum.ts";
import { pendulumTeacher } from "../../src/data/drawn/pendulum-teacher.ts";
import { DEFECTS, drawPlate, PLATE_SIZE } from "../../src/data/drawn/plates.ts";
import { drawScene, SCENE_CLASSES, SCENE_SIZE } from "../../src/data/drawn/scenes.ts";
import { ANSWERS, COLOURS, FORMS, WORDS, wordsOf } from "../../src/data/drawn/words.ts";
import { writeDrawnSplit } from "../../src/data/drawn/write-set.ts";
import { drawSet } from "../../src/pipeline/data/draw-set.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-drawn-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const TEST = { seed: 1, split: "test" } as const;

function hashes(name: DrawnName): Record<string, string> {
  const arrays: DrawnFiles = DRAWN_SETS[name];
  const place = join(folder, name);
  writeDrawnSplit(place, arrays, TEST, 40, SILENT);
  return Object.fromEntries(
    readdirSync(place)
      .sort()
      .map((file) => [file, sha256(readFileSync(join(place, file))).slice(0, 16)]),
  );
}

// Golden: the embedded networks were trained on these bytes. Other bytes mean another data set.
test.each([
  ["digits", { "pictures.bin": "3022ead7fd40751c" }],
  ["plates", { "pictures.bin": "6bb742d00aaf3a34", "place.npy": "48dfc6cf3c69e53b" }],
  [
    "scenes",
    {
      "boxes.npy": "df861c8700d42cc3",
      "mask.npy": "29101f4a946f26bb",
      "pictures.bin": "c1146fa507f1bffb",
    },
  ],
  [
    "pendulum",
    {
      "action.npy": "cfd7597a0abeb518",
      "policy.npy": "8bbda35b8095bc4e",
      "reward.npy": "f87b2e9cf3db70bb",
      "state.npy": "6ef8d81e3cd398a0",
      "value.npy": "853cb8b32e9b1e50",
    },
  ],
  [
    "captions",
    {
      "caption.npy": "b358eb79a0cf6b13",
      "pictures.bin": "46566313e0ce3ab6",
      "question.npy": "bc8393f9d237f8de",
    },
  ],
] as const)("the set '%s' has the same bytes on every platform", (name, golden) => {
  expect(hashes(name)).toEqual(golden);
});

function text({ label, pixels, rows }: DrawnSample): string {
  return JSON.stringify([label, sha256(pixels), rows.map((row) => Array.from(row))]);
}

test.each(Object.keys(DRAWN_SETS) as DrawnName[])(
  "another seed, split or index of '%s' gives another sample, and order doesn't matter",
  (name) => {
    const { draw }: DrawnFiles = DRAWN_SETS[name];
    const first = (set: Parameters<typeof draw>[0], index: number) => text(draw(set)(index));
    const own = first(TEST, 3);
    const others = [
      first({ ...TEST, seed: 2 }, 3),
      first({ ...TEST, split: "train" }, 3),
      first(TEST, 13),
    ];
    expect(others).not.toContain(own);
    const sample = draw(TEST);
    for (const index of [9, 0, 3]) sample(index);
    expect(text(sample(3))).toBe(own);
  },
);

test("arrays are NumPy's, with a header of a multiple of 64 bytes", () => {
  hashes("captions");
  const bytes = readFileSync(join(folder, "captions", "caption.npy"));
  const length = bytes.readUInt16LE(8);
  expect((10 + length) % 64).toBe(0);
  expect(
    bytes
      .subarray(10, 10 + length)
      .toString("latin1")
      .trim(),
  ).toBe("{'descr': '<i8', 'fortran_order': False, 'shape': (40, 14), }");
  expect(bytes.length).toBe(10 + length + 40 * 14 * 8);
  expect(Number(bytes.readBigInt64LE(10 + length))).toBe(WORDS.indexOf("[begin]"));
});

test("captions say what is drawn, and no two of a round mean the same", () => {
  const pair = captionPairs(TEST);
  const meanings = new Set<string>();
  for (let index = 0; index < SCENES; index += 60) {
    const { scene, caption } = pair(index);
    const { first, second } = scene;
    const text = wordsOf(caption);
    for (const { colour, form } of [first, second]) {
      expect(text).toContain(`${COLOURS[colour]?.name} ${FORMS[form]}`);
    }
    meanings.add(JSON.stringify(scene));
  }
  expect(meanings.size).toBe(SCENES / 60);
});

test("every pixel of an object's colour lies on the side that the caption names", () => {
  const pair = captionPairs(TEST);
  let judged = 0;
  for (let index = 0; index < 120; index += 1) {
    const { scene, pixels } = pair(index);
    const centres = [scene.first, scene.second].map(({ colour }) => centreOf(pixels, colour));
    const [first, second] = centres;
    if (first === null || second === null || first === undefined || second === undefined) continue;
    judged += 1;
    const axis = scene.relation < 2 ? 0 : 1;
    expect(first[axis], `pair ${index}`).toBeLessThan(second[axis]);
  }
  expect(judged).toBeGreaterThan(80);
});

/** Mean place of the pixels nearest to a colour; null where there are few. An oracle of its own: it knows no outlines. */
function centreOf(pixels: Uint8Array, colour: number): readonly [number, number] | null {
  const rgb = COLOURS[colour]?.rgb ?? [0, 0, 0];
  let [x, y, count] = [0, 0, 0];
  for (let at = 0; at < 1024; at += 1) {
    const apart = rgb.reduce<number>(
      (sum, value, channel) => sum + Math.abs(value - (pixels[channel * 1024 + at] ?? 0) / 255),
      0,
    );
    if (apart > 0.45) continue;
    x += at % 32;
    y += Math.floor(at / 32);
    count += 1;
  }
  return count < 6 ? null : [x / count, y / count];
}

test("answers are those that the scene gives", () => {
  const pair = captionPairs(TEST);
  const counts = new Map<string, number>();
  for (let index = 0; index < 800; index += 1) {
    const { scene, question, answer } = pair(index);
    const text = wordsOf(question);
    const said = ANSWERS[answer] ?? "";
    expect(said).toBe(answerTo(text, scene));
    counts.set(said, (counts.get(said) ?? 0) + 1);
  }
  expect(counts.size).toBe(ANSWERS.length);
  expect((counts.get("yes") ?? 0) / (counts.get("no") ?? 1)).toBeGreaterThan(0.7);
});

/** Reads a question by its words alone. */
function answerTo(
  text: string,
  scene: ReturnType<ReturnType<typeof captionPairs>>["scene"],
): string {
  const objects = [scene.first, scene.second].map((object, at) => ({
    colour: COLOURS[object.colour]?.name ?? "",
    form: FORMS[object.form] ?? "",
    // The first is left of the second, or above it.
    place: scene.relation < 2 ? ["left", "right"][at] : ["above", "below"][at],
  }));
  const last = text.split(" ").at(-1);
  const place = /left|right|above|below/.exec(text)?.[0];
  if (text.startsWith("what colour"))
    return objects.find(({ form }) => form === last)?.colour ?? "";
  if (text.startsWith("what shape")) {
    return objects.find(({ colour }) => text.includes(colour))?.form ?? "";
  }
  const other = objects.find(({ form }) => form !== last);
  if (text.startsWith("what is")) return other?.form ?? "";
  return other?.place === place && text.includes(` ${other?.colour} `) ? "yes" : "no";
}

test("masks and boxes of a scene agree", () => {
  for (let index = 0; index < 60; index += 1) {
    const { mask, objects } = drawScene(TEST, index);
    expect(objects.length).toBeGreaterThan(0);
    for (const { kind, box } of objects) {
      const [left, top, right, bottom] = box;
      expect(left >= 0 && top >= 0 && right <= SCENE_SIZE && bottom <= SCENE_SIZE).toBe(true);
      expect(SCENE_CLASSES[kind]).toBeDefined();
      // Each side of the box touches a pixel of the object's class.
      const touches = (pixels: readonly number[]): boolean =>
        pixels.some((pixel) => mask[pixel] === kind + 1);
      const row = (y: number) => range(left, right).map((x) => y * SCENE_SIZE + x);
      const column = (x: number) => range(top, bottom).map((y) => y * SCENE_SIZE + x);
      for (const side of [row(top), row(bottom - 1), column(left), column(right - 1)]) {
        expect(touches(side), `scene ${index}`).toBe(true);
      }
    }
  }
});

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, at) => from + at);
}

test("seven of ten plates are in order, and a defect changes pixels in its cell most", () => {
  const counts = DEFECTS.map(() => 0);
  for (let index = 0; index < 200; index += 1) {
    const { defect, place } = drawPlate(TEST, index);
    counts[defect] = (counts[defect] ?? 0) + 1;
    expect(place >= 0).toBe(defect > 0);
    expect(place).toBeLessThan(36);
  }
  expect(counts).toEqual([140, 12, 24, 24]);
});

test("a hole is the darkest spot of its plate, at the place that is said", () => {
  let right = 0;
  let holes = 0;
  for (let index = 0; index < 400; index += 1) {
    const { defect, place, pixels } = drawPlate(TEST, index);
    if (DEFECTS[defect] !== "hole") continue;
    holes += 1;
    let [darkest, spot] = [256, 0];
    for (let y = 9; y < 39; y += 1) {
      for (let x = 9; x < 39; x += 1) {
        const value = pixels[y * PLATE_SIZE + x] ?? 0;
        if (value < darkest) [darkest, spot] = [value, y * PLATE_SIZE + x];
      }
    }
    const cell =
      Math.floor(Math.floor(spot / PLATE_SIZE) / 8) * 6 + Math.floor((spot % PLATE_SIZE) / 8);
    // The darkest pixel may lie just across a border of the cell.
    if ([0, 1, -1, 6, -6, 7, -7, 5, -5].some((step) => cell === place + step)) right += 1;
  }
  expect(holes).toBe(48);
  expect(right).toBeGreaterThan(40);
});

test("the pendulum keeps its energy where no motor turns it, but for the step's error", () => {
  let state = { angle: 1, speed: 0 };
  const energy = () => state.speed ** 2 / 6 + 5 * Math.cos(state.angle);
  const before = energy();
  for (let step = 0; step < 200; step += 1) {
    state = pendulumStep(state, 0);
    expect(Math.abs(energy() - before)).toBeLessThan(1.2);
  }
});

test("the series of the sine agrees with the platform's", () => {
  for (let at = -500; at <= 500; at += 1) {
    const angle = (at / 500) * Math.PI;
    expect(Math.abs(sine(angle) - Math.sin(angle))).toBeLessThan(1e-11);
    const [cosine, vertical] = observed({ angle, speed: 0 });
    expect(Math.abs(cosine - Math.cos(angle))).toBeLessThan(1e-11);
    expect(vertical).toBe(sine(angle));
  }
});

test("the teacher swings the pendulum up and holds it; without torque it hangs", () => {
  const teacher = pendulumTeacher();
  const rollout = (torque: (state: { angle: number; speed: number }) => number) => {
    let state = { angle: Math.PI, speed: 0.5 };
    let [reward, upright] = [0, 0];
    for (let step = 0; step < 200; step += 1) {
      const turn = torque(state);
      reward += pendulumReward(state, turn);
      state = pendulumStep(state, turn);
      if (step >= 150 && Math.abs(state.angle) < 0.2) upright += 1;
    }
    return { reward, upright };
  };
  const taught = rollout(teacher.torque);
  const idle = rollout(() => 0);
  expect(taught.upright).toBe(50);
  expect(idle.upright).toBe(0);
  expect(taught.reward).toBeGreaterThan(idle.reward / 3);
  // A value is what follows it: the Bellman equation holds at a state that is no grid point.
  const state = { angle: 0.37, speed: -1.1 };
  const torque = teacher.torque(state);
  const backed = pendulumReward(state, torque) + 0.99 * teacher.value(pendulumStep(state, torque));
  expect(Math.abs(teacher.value(state) - backed)).toBeLessThan(0.05 * Math.abs(backed) + 0.3);
});

test("scenes are written as pictures, masks and COCO boxes that say what was drawn", async () => {
  const out = join(folder, "scene-files");
  await drawSet({ set: "scenes", out, seed: 1, train: 1, test: 12 }, SILENT);
  const coco = JSON.parse(readFileSync(join(out, "test", "boxes.json"), "utf8"));
  const { default: sharp } = await import("sharp");
  for (const { id, file_name: file } of coco.images) {
    const { pixels, mask, objects } = drawScene(TEST, id - 1);
    const own = coco.annotations.filter((each: { image_id: number }) => each.image_id === id);
    expect(
      own.map(({ bbox, category_id: kind }: { bbox: number[]; category_id: number }) => [
        ...[kind - 1, bbox[0], bbox[1]],
        ...[(bbox[0] ?? 0) + (bbox[2] ?? 0), (bbox[1] ?? 0) + (bbox[3] ?? 0)],
      ]),
    ).toEqual(objects.map(({ kind, box }) => [kind, ...box]));
    const grey = await sharp(join(out, "test", "masks", file))
      .raw()
      .toBuffer();
    expect(Uint8Array.from(grey.filter((_, at) => at % (grey.length / 4096) === 0))).toEqual(mask);
    const colours = await sharp(join(out, "test", "images", file))
      .raw()
      .toBuffer();
    expect(colours[3 * 77 + 2]).toBe(pixels[2 * 4096 + 77]);
  }
  expect(coco.images).toHaveLength(12);
});

test("options of shapes are refused for other sets, and counts that are no counts for all", async () => {
  const out = join(folder, "refused");
  const refused = (options: object, code: string) =>
    expect(drawSet({ set: "plates", out, seed: 1, ...options }, SILENT)).rejects.toMatchObject({
      code,
    });
  await refused({ size: 32 }, "cli/not-for-this-set");
  await refused({ format: "png" }, "cli/not-for-this-set");
  await expect(drawSet({ set: "plates", out, seed: 1, train: -1 }, SILENT)).rejects.toThrow(
    /--train/,
  );
  expect(existsSync(out)).toBe(false);
});
