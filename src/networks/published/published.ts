import { UsageError } from "../../core/errors.ts";
import type { Published } from "./maker.ts";
import { mixnet, mobilenetV2, mobilenetV3 } from "./mobile.ts";
import { pidnetSmall } from "./pidnet.ts";
import { resnet } from "./resnets.ts";
import { segformerB0, vitTiny } from "./transformers.ts";
import { yolov7, yolov7tiny } from "./yolov7.ts";
import { yolov8, yolov9, yolov10 } from "./yolov8.ts";
import { yolov5s, yolox } from "./yolox.ts";

/** Kinds of networks, by what most of their time goes into. */
export type NetworkFamily = "cnn" | "depthwise" | "detector" | "segmenter" | "transformer";

export interface PublishedEntry {
  readonly family: NetworkFamily;
  /** Side of the picture that the published figures are for. */
  readonly side: number;
  readonly classes: number;
  readonly make: (side: number, classes: number) => Published;
}

const classifier = (make: PublishedEntry["make"], family: NetworkFamily): PublishedEntry => ({
  ...{ family, side: 224, classes: 1000, make },
});
const detector = (make: PublishedEntry["make"]): PublishedEntry => ({
  ...{ family: "detector", side: 640, classes: 80, make },
});

/** Networks whose shapes are known without a file. */
export const PUBLISHED_NETWORKS: Readonly<Record<string, PublishedEntry>> = {
  resnet18: classifier((side, classes) => resnet("resnet18", side, classes), "cnn"),
  resnet34: classifier((side, classes) => resnet("resnet34", side, classes), "cnn"),
  resnet50: classifier((side, classes) => resnet("resnet50", side, classes), "cnn"),
  resnet101: classifier((side, classes) => resnet("resnet101", side, classes), "cnn"),
  resnet152: classifier((side, classes) => resnet("resnet152", side, classes), "cnn"),
  mobilenetv2: classifier(mobilenetV2, "depthwise"),
  "mobilenetv3-small": classifier(
    (side, classes) => mobilenetV3("small", side, classes),
    "depthwise",
  ),
  "mobilenetv3-large": classifier(
    (side, classes) => mobilenetV3("large", side, classes),
    "depthwise",
  ),
  "mixnet-small": classifier((side, classes) => mixnet("small", side, classes), "depthwise"),
  "mixnet-medium": classifier((side, classes) => mixnet("medium", side, classes), "depthwise"),
  "mixnet-large": classifier((side, classes) => mixnet("large", side, classes), "depthwise"),
  "vit-tiny": classifier(vitTiny, "transformer"),
  "segformer-b0": { family: "transformer", side: 512, classes: 150, make: segformerB0 },
  "pidnet-s": { family: "segmenter", side: 512, classes: 19, make: pidnetSmall },
  yolov5s: detector(yolov5s),
  yoloxn: detector((side, classes) => yolox("yoloxn", side, classes)),
  yoloxt: detector((side, classes) => yolox("yoloxt", side, classes)),
  yoloxs: detector((side, classes) => yolox("yoloxs", side, classes)),
  yoloxm: detector((side, classes) => yolox("yoloxm", side, classes)),
  yoloxl: detector((side, classes) => yolox("yoloxl", side, classes)),
  "yoloxs-leaky": detector((side, classes) => yolox("yoloxs", side, classes, { act: "leaky" })),
  yolov7t: detector(yolov7tiny),
  yolov7m: detector(yolov7),
  yolov8n: detector((side, classes) => yolov8("n", side, classes)),
  yolov8s: detector((side, classes) => yolov8("s", side, classes)),
  yolov8m: detector((side, classes) => yolov8("m", side, classes)),
  yolov9t: detector((side, classes) => yolov9("t", side, classes)),
  yolov9s: detector((side, classes) => yolov9("s", side, classes)),
  yolov9m: detector((side, classes) => yolov9("m", side, classes)),
  yolov10n: detector((side, classes) => yolov10("n", side, classes)),
  yolov10s: detector((side, classes) => yolov10("s", side, classes)),
  yolov10m: detector((side, classes) => yolov10("m", side, classes)),
};

const PREFIX = "published:";

/** Whether a text names a published network in place of a file: `published:yolov8n@320`. */
export function isPublished(text: string): boolean {
  return text.startsWith(PREFIX);
}

/**
 * The network of that name, for a picture of that side.
 * @param text a name, or `name@side`: `yolov8n@320`; with or without `published:` before it
 * @throws UsageError `networks/unknown-published`
 */
export function publishedNetwork(
  text: string,
  classes?: number,
): Published & { readonly family: NetworkFamily } {
  const [name = "", side] = (isPublished(text) ? text.slice(PREFIX.length) : text).split("@");
  const entry = PUBLISHED_NETWORKS[name];
  const pixels = side === undefined ? entry?.side : Number(side);
  if (entry === undefined || pixels === undefined || !(pixels >= 32 && pixels % 32 === 0)) {
    throw new UsageError({
      code: "networks/unknown-published",
      message: `There is no published network '${text}'.`,
      hint: `Name one of ${Object.keys(PUBLISHED_NETWORKS).join(", ")}; name@side with a side in multiples of 32.`,
    });
  }
  return { ...entry.make(pixels, classes ?? entry.classes), family: entry.family };
}
