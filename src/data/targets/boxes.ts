import { z } from "zod";
import { InputError } from "../../core/errors.ts";
import { readFileBytes, readJson } from "../../core/files.ts";
import { firstIssues } from "../../core/schema.ts";
import type { Box } from "../../runtime/batches.ts";

/** A box as a file gives it: YOLO's are shares of the picture, the others pixels. */
export interface ListedBox extends Box {
  readonly line: string;
}

export function badBox(message: string, where: string): InputError {
  return new InputError({
    code: "data/bad-box",
    message,
    where,
    hint: "Fix the label; boxes need an area, must lie in their picture, and their class must be among 'classes' of the data set's config.",
  });
}

/**
 * The boxes of a YOLO text file: per line the class and the middle, width and height as shares of the picture's.
 * @returns sides as shares, 0 to 1
 * @throws InputError `data/bad-box` with the line
 */
export function readYolo(path: string): readonly ListedBox[] {
  const lines = new TextDecoder().decode(readFileBytes(path)).split("\n");
  return lines.flatMap((text, index): ListedBox[] => {
    if (text.trim() === "") return [];
    const line = `${path}:${index + 1}`;
    const parts = text.trim().split(/\s+/).map(Number);
    const [label = -1, x = 0, y = 0, width = 0, height = 0] = parts;
    if (parts.length !== 5 || parts.some((part) => !Number.isFinite(part))) {
      throw badBox(
        `The line has ${parts.length} entries; a class and four finite numbers are needed.`,
        line,
      );
    }
    const [left, right] = [x - width / 2, x + width / 2];
    const [top, bottom] = [y - height / 2, y + height / 2];
    return [{ left, top, right, bottom, label, line }];
  });
}

/** Boxes by the stem of their picture's name, and the classes' names. */
export interface CocoBoxes {
  readonly boxes: ReadonlyMap<string, readonly ListedBox[]>;
  /** In the order of the category ids, which the labels follow. */
  readonly classes: readonly string[];
}

const id = z.union([z.number(), z.string()]);
const COCO = z.object({
  images: z.array(z.object({ id, file_name: z.string() })),
  categories: z.array(z.object({ id: z.number(), name: z.string().optional() })),
  annotations: z.array(
    z.object({
      image_id: id,
      category_id: z.number(),
      bbox: z.array(z.number()).length(4),
      iscrowd: z.union([z.number(), z.boolean()]).optional(),
    }),
  ),
});

/**
 * The boxes of a COCO file: [left, top, width, height] in pixels. Labels count the categories in the order of their ids.
 * @throws InputError `data/bad-box`, `core/not-json`
 */
export function readCoco(path: string, stemOf: (name: string) => string): CocoBoxes {
  const parsed = COCO.safeParse(readJson(path));
  if (!parsed.success) throw badBox(`This is no COCO file: ${firstIssues(parsed.error)}`, path);
  const { images: pictures, categories: kinds, annotations: all } = parsed.data;
  const ids = kinds.map(({ id }) => id).sort((a, b) => a - b);
  const labels = new Map(ids.map((id, label) => [id, label]));
  for (const [what, list] of [
    ["image", pictures.map((image) => image.id)],
    ["category", kinds.map((kind) => kind.id)],
  ] as const) {
    const seen = new Set<unknown>();
    const twice = list.find((each) => seen.size === seen.add(each).size);
    if (twice !== undefined) throw badBox(`The ${what} ${twice} is listed twice.`, path);
  }
  const stems = new Map(pictures.map((image) => [image.id, stemOf(image.file_name)]));
  const boxes = new Map<string, ListedBox[]>(pictures.map((p) => [stemOf(p.file_name), []]));
  for (const [index, { image_id, category_id, bbox, iscrowd }] of all.entries()) {
    const line = `${path}, annotation ${index}`;
    const stem = stems.get(image_id);
    const label = labels.get(category_id);
    if (stem === undefined) throw badBox(`There is no image ${image_id}.`, line);
    if (label === undefined) throw badBox(`There is no category ${category_id}.`, line);
    const [left = 0, top = 0, width = 0, height = 0] = bbox;
    boxes.get(stem)?.push({
      ...{ left, top, right: left + width, bottom: top + height, label, line },
      ...(Number(iscrowd ?? 0) === 1 ? { ignored: "crowd" as const } : {}),
    });
  }
  const names = new Map(kinds.map(({ id, name }) => [id, name]));
  return { boxes, classes: ids.map((id) => names.get(id) ?? String(id)) };
}

/**
 * The boxes of a VOC file. Its corners count pixels from 1 and include the last one.
 * @throws InputError `data/bad-box`
 */
export function readVoc(path: string, classes: readonly string[] | null): readonly ListedBox[] {
  const text = new TextDecoder().decode(readFileBytes(path));
  if (!/<annotation[\s>]/.test(text)) throw badBox("It has no <annotation>.", path);
  return [...text.matchAll(/<object>([\s\S]*?)<\/object>/g)].map((match): ListedBox => {
    const [, object = ""] = match;
    const line = `${path}:${text.slice(0, match.index).split("\n").length}`;
    // Parts of an object (heads, hands) have boxes of their own behind it.
    const whole = object.replace(/<part>[\s\S]*?<\/part>/g, "");
    const tag = (name: string): string | undefined =>
      new RegExp(`<${name}>\\s*([^<]*?)\\s*</${name}>`).exec(whole)?.[1];
    const name = tag("name") ?? "";
    const label = classes === null ? Number(name) : classes.indexOf(name);
    if (!(label >= 0)) throw badBox(`Class '${name}' is not among the config's classes.`, line);
    const number = (of: string): number => Number(tag(of) ?? Number.NaN);
    const box = { left: number("xmin") - 1, top: number("ymin") - 1 };
    const corner = { right: number("xmax"), bottom: number("ymax") };
    const difficult = tag("difficult") === "1" ? { ignored: "difficult" as const } : {};
    return { ...box, ...corner, label, line, ...difficult };
  });
}

/** How far a side may lie outside of the picture, as a share of it: what rounding does. */
const SLACK = 0.005;

/**
 * The boxes in pixels of their picture, checked.
 * @param shares sides are shares of the picture, as YOLO's are
 * @throws InputError `data/bad-box`
 */
export function checkedBoxes(
  boxes: readonly ListedBox[],
  { height, width }: { readonly height: number; readonly width: number },
  { shares, classes }: { readonly shares: boolean; readonly classes: number | null },
): readonly Box[] {
  const [down, across] = shares ? [height, width] : [1, 1];
  return boxes.map(({ line, label, ignored, ...sides }) => {
    const left = sides.left * across;
    const right = sides.right * across;
    const top = sides.top * down;
    const bottom = sides.bottom * down;
    const text = `[${[left, top, right, bottom].map((side) => Number(side.toFixed(2))).join(", ")}]`;
    if (!(right > left && bottom > top)) throw badBox(`The box ${text} has no area.`, line);
    const [x, y] = [SLACK * width + 1, SLACK * height + 1];
    if (left < -x || top < -y || right > width + x || bottom > height + y) {
      throw badBox(
        `The box ${text} lies outside of its picture (${width} x ${height}, width x height).`,
        line,
      );
    }
    if (!Number.isInteger(label) || label < 0 || (classes !== null && label >= classes)) {
      throw badBox(
        `Class ${label} is not among the ${classes ?? "non-negative whole"} ${classes === null ? "numbers" : "classes"}.`,
        line,
      );
    }
    return { left, top, right, bottom, label, ...(ignored === undefined ? {} : { ignored }) };
  });
}
