import { CAPTION_SIZE, captionPairs } from "./captions.ts";
import { DIGIT_SIZE, drawDigit } from "./digits.ts";
import type { NpyType } from "./npy.ts";
import { pendulumSample } from "./pendulum.ts";
import { pendulumTeacher } from "./pendulum-teacher.ts";
import { DEFECTS, drawPlate, PLATE_SIZE } from "./plates.ts";
import { drawScene, SCENE_CLASSES, SCENE_OBJECTS, SCENE_SIZE } from "./scenes.ts";
import type { DrawnSet } from "./set.ts";
import { ANSWERS, TEXT_LENGTH } from "./words.ts";

/** One array of a drawn set: a row per sample. */
export interface DrawnField {
  readonly name: string;
  readonly type: NpyType;
  /** Of one row. */
  readonly shape: readonly number[];
}

/** One sample as it is written. */
export interface DrawnSample {
  /** The byte before the pixels of a record: a class, 0 where there is none. */
  readonly label: number;
  /** Channel-major bytes; none where the set has no pictures. */
  readonly pixels: Uint8Array;
  /** In the order of the fields. */
  readonly rows: readonly ArrayLike<number>[];
}

/** A drawn set as files. */
export interface DrawnFiles {
  readonly about: string;
  /** Samples of each split unless others are asked for. */
  readonly counts: { readonly train: number; readonly test: number };
  readonly picture: { readonly channels: number; readonly size: number } | null;
  readonly fields: readonly DrawnField[];
  readonly draw: (set: DrawnSet) => (index: number) => DrawnSample;
  /** What says how the files are read, by file name: documents of `mdp-dataset/2`. */
  readonly documents: Readonly<Record<string, object>>;
}

const NO_PIXELS = new Uint8Array(0);
const SPLITS = { train: "train", test: "test" } as const;
const CENTRED = { scale: 1 / 255, mean: [0.5], std: [0.25] } as const;
const CENTRED_RGB = { scale: 1 / 255, mean: [0.5, 0.5, 0.5], std: [0.25, 0.25, 0.25] } as const;

function records(channels: number, size: number): object {
  const record = { channels, height: size, width: size };
  return { from: "images", path: "{split}/pictures.bin", format: "records", record };
}

const TOKENS = { type: "int64", shape: [TEXT_LENGTH] } as const;
const NUMBER = { type: "float32", shape: [1] } as const;

const PENDULUM_INPUTS = {
  state: { from: "array", path: "{split}/state.npy" },
  action: { from: "array", path: "{split}/action.npy" },
} as const;

/** The drawn sets beside the shapes, by name. */
export const DRAWN_SETS = {
  digits: {
    about: "grey pen strokes, 28 x 28, ten digits: for autoencoders",
    counts: { train: 20000, test: 2000 },
    picture: { channels: 1, size: DIGIT_SIZE },
    fields: [],
    draw: (set) => (index) => ({ ...drawDigit(set, index), rows: [] }),
    documents: {
      "dataset.json": {
        schema: "mdp-dataset/2",
        splits: SPLITS,
        inputs: { image: { ...records(1, DIGIT_SIZE), scale: 1 / 255 } },
        target: { from: "input", input: "image", output: "reconstruction" },
      },
    },
  },
  plates: {
    about: "grey metal plates, 48 x 48: in order, dented, holed, rarely scratched, and where",
    counts: { train: 20000, test: 4000 },
    picture: { channels: 1, size: PLATE_SIZE },
    fields: [{ name: "place", type: "int64", shape: [] }],
    draw: (set) => (index) => {
      const { pixels, defect, place } = drawPlate(set, index);
      return { label: defect, pixels, rows: [[place]] };
    },
    documents: {
      "dataset.json": {
        schema: "mdp-dataset/2",
        splits: SPLITS,
        inputs: { image: { ...records(1, PLATE_SIZE), ...CENTRED } },
        target: { from: "labels" },
        classes: [...DEFECTS],
      },
      "heads.json": {
        schema: "mdp-dataset/2",
        splits: SPLITS,
        inputs: { image: { ...records(1, PLATE_SIZE), ...CENTRED } },
        heads: {
          defect: { target: { from: "labels" }, classes: [...DEFECTS] },
          place: {
            target: { from: "array", path: "{split}/place.npy", as: "class" },
            weight: 0.5,
          },
        },
      },
    },
  },
  scenes: {
    about: "one to four shapes before a texture, 64 x 64, with boxes and masks",
    counts: { train: 4000, test: 500 },
    picture: { channels: 3, size: SCENE_SIZE },
    fields: [
      { name: "mask", type: "uint8", shape: [SCENE_SIZE, SCENE_SIZE] },
      { name: "boxes", type: "float32", shape: [SCENE_OBJECTS, 5] },
    ],
    draw: (set) => (index) => {
      const { pixels, mask, objects } = drawScene(set, index);
      const boxes = new Float32Array(5 * SCENE_OBJECTS).fill(-1);
      objects.forEach(({ kind, box }, at) => {
        boxes.set([...box, kind], 5 * at);
      });
      return { label: 0, pixels, rows: [mask, boxes] };
    },
    documents: {
      "dataset.json": {
        schema: "mdp-dataset/2",
        splits: SPLITS,
        inputs: { image: { from: "images", path: "{split}/images", ...CENTRED_RGB } },
        target: { from: "boxes", path: "{split}/boxes.json", format: "coco" },
        classes: [...SCENE_CLASSES],
      },
      "segmentation.json": {
        schema: "mdp-dataset/2",
        splits: SPLITS,
        inputs: { image: { from: "images", path: "{split}/images", ...CENTRED_RGB } },
        target: { from: "masks", path: "{split}/masks" },
        classes: ["ground", ...SCENE_CLASSES],
      },
    },
  },
  pendulum: {
    about: "states of a pendulum, torques, and what a dynamic-programming teacher says of both",
    counts: { train: 100000, test: 2000 },
    picture: null,
    fields: [
      { name: "state", type: "float32", shape: [3] },
      ...(["action", "policy", "reward", "value"] as const).map((name) => ({ name, ...NUMBER })),
    ],
    draw: (set) => {
      const teacher = pendulumTeacher();
      return (index) => {
        const { state, action, policy, reward, value } = pendulumSample(set, index, teacher);
        return {
          label: 0,
          pixels: NO_PIXELS,
          rows: [state, [action], [policy], [reward], [value]],
        };
      };
    },
    documents: {
      "dataset.json": {
        schema: "mdp-dataset/2",
        splits: SPLITS,
        inputs: PENDULUM_INPUTS,
        target: { from: "array", path: "{split}/policy.npy", output: "policy" },
      },
      "heads.json": {
        schema: "mdp-dataset/2",
        splits: SPLITS,
        inputs: PENDULUM_INPUTS,
        heads: Object.fromEntries(
          ["policy", "reward", "value"].map((name) => [
            name,
            { target: { from: "array", path: `{split}/${name}.npy` } },
          ]),
        ),
      },
    },
  },
  captions: {
    about: "two objects, 32 x 32, with a caption, a question and its answer",
    counts: { train: 20000, test: 2000 },
    picture: { channels: 3, size: CAPTION_SIZE },
    fields: [
      { name: "caption", ...TOKENS },
      { name: "question", ...TOKENS },
    ],
    draw: (set) => {
      const pair = captionPairs(set);
      return (index) => {
        const { pixels, caption, question, answer } = pair(index);
        return { label: answer, pixels, rows: [caption, question] };
      };
    },
    documents: {
      "dataset.json": {
        schema: "mdp-dataset/2",
        splits: SPLITS,
        inputs: {
          image: { ...records(3, CAPTION_SIZE), ...CENTRED_RGB },
          tokens: { from: "array", path: "{split}/caption.npy" },
        },
      },
      "questions.json": {
        schema: "mdp-dataset/2",
        splits: SPLITS,
        inputs: {
          image: { ...records(3, CAPTION_SIZE), ...CENTRED_RGB },
          tokens: { from: "array", path: "{split}/question.npy" },
        },
        target: { from: "labels" },
        classes: [...ANSWERS],
      },
      "both.json": { schema: "mdp-dataset/2", sets: ["dataset.json", "questions.json"] },
    },
  },
} as const satisfies Record<string, DrawnFiles>;

export type DrawnName = keyof typeof DRAWN_SETS;
