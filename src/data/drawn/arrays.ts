import { CAPTION_SIZE, captionPairs } from "./captions.ts";
import { DIGIT_SIZE, drawDigit } from "./digits.ts";
import type { NpyType } from "./npy.ts";
import { pendulumSample } from "./pendulum.ts";
import { pendulumTeacher } from "./pendulum-teacher.ts";
import { drawPlate, PLATE_SIZE } from "./plates.ts";
import { drawScene, SCENE_OBJECTS, SCENE_SIZE } from "./scenes.ts";
import type { DrawnSet } from "./set.ts";
import { TEXT_LENGTH } from "./words.ts";

/** One array of a drawn set: a row per sample. */
export interface DrawnField {
  readonly name: string;
  readonly type: NpyType;
  /** Of one row. */
  readonly shape: readonly number[];
}

/** A set as arrays. */
export interface DrawnArrays {
  /** The first is the largest, and is written while samples are drawn. */
  readonly fields: readonly DrawnField[];
  /** Prepares a split; gives the rows of a sample in the order of the fields. */
  readonly draw: (set: DrawnSet) => (index: number) => readonly ArrayLike<number>[];
}

const CLASS = { type: "int64", shape: [] } as const;

/** Sets that consist of arrays, by name. */
export const DRAWN_SETS = {
  digits: {
    fields: [
      { name: "image", type: "uint8", shape: [1, DIGIT_SIZE, DIGIT_SIZE] },
      { name: "label", ...CLASS },
    ],
    draw: (set) => (index) => {
      const { pixels, label } = drawDigit(set, index);
      return [pixels, [label]];
    },
  },
  plates: {
    fields: [
      { name: "image", type: "uint8", shape: [1, PLATE_SIZE, PLATE_SIZE] },
      { name: "defect", ...CLASS },
      { name: "place", ...CLASS },
    ],
    draw: (set) => (index) => {
      const { pixels, defect, place } = drawPlate(set, index);
      return [pixels, [defect], [place]];
    },
  },
  scenes: {
    fields: [
      { name: "image", type: "uint8", shape: [3, SCENE_SIZE, SCENE_SIZE] },
      { name: "mask", type: "uint8", shape: [SCENE_SIZE, SCENE_SIZE] },
      { name: "boxes", type: "float32", shape: [SCENE_OBJECTS, 5] },
    ],
    draw: (set) => (index) => {
      const { pixels, mask, objects } = drawScene(set, index);
      const boxes = new Float32Array(5 * SCENE_OBJECTS).fill(-1);
      objects.forEach(({ kind, box }, at) => {
        boxes.set([...box, kind], 5 * at);
      });
      return [pixels, mask, boxes];
    },
  },
  pendulum: {
    fields: [
      { name: "state", type: "float32", shape: [3] },
      ...(["action", "policy", "reward", "value"] as const).map((name) => ({
        name,
        type: "float32" as const,
        shape: [1],
      })),
    ],
    draw: (set) => {
      const teacher = pendulumTeacher();
      return (index) => {
        const { state, action, policy, reward, value } = pendulumSample(set, index, teacher);
        return [state, [action], [policy], [reward], [value]];
      };
    },
  },
  captions: {
    fields: [
      { name: "image", type: "uint8", shape: [3, CAPTION_SIZE, CAPTION_SIZE] },
      { name: "caption", type: "int64", shape: [TEXT_LENGTH] },
      { name: "question", type: "int64", shape: [TEXT_LENGTH] },
      { name: "answer", ...CLASS },
    ],
    draw: (set) => {
      const pair = captionPairs(set);
      return (index) => {
        const { pixels, caption, question, answer } = pair(index);
        return [pixels, caption, question, [answer]];
      };
    },
  },
} as const satisfies Record<string, DrawnArrays>;

export type DrawnName = keyof typeof DRAWN_SETS;
