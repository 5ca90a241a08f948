import { z } from "zod";

const name = z.string();
const strides = z.array(z.number().positive()).min(1).optional();
const pair = z.tuple([z.number(), z.number()]);

/** The form of a detector's outputs, as JSON. */
export const HEAD = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("boxes"),
    ...{ boxes: name, scores: name, labels: name.optional() },
    form: z.enum(["xyxy", "yxyx", "cxcywh"]).optional(),
    shares: z.boolean().optional(),
    background: z.boolean().optional(),
  }),
  z.strictObject({
    kind: z.literal("yolox"),
    ...{ output: name.optional(), strides, decoded: z.boolean().optional() },
  }),
  z.strictObject({ kind: z.literal("yolov5"), output: name.optional() }),
  z.strictObject({
    kind: z.literal("yolov5-maps"),
    outputs: z.array(name).optional(),
    strides,
    anchors: z.array(z.array(pair).min(1)).min(1),
  }),
  z.strictObject({ kind: z.literal("yolov8"), output: name.optional() }),
  z.strictObject({
    kind: z.literal("ssd"),
    ...{ boxes: name, scores: name, variances: pair.optional() },
    anchors: z.array(z.tuple([z.number(), z.number(), z.number(), z.number()])).min(1),
  }),
  z.strictObject({
    kind: z.literal("centres"),
    levels: z
      .array(
        z.strictObject({
          ...{ scores: name, sides: name, centreness: name.optional() },
          stride: z.number().positive(),
        }),
      )
      .min(1),
    pixels: z.boolean().optional(),
    peaks: z.boolean().optional(),
  }),
]);
