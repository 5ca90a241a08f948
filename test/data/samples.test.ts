import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { openDataset } from "../../src/data/dataset.ts";
import { readIndexPng } from "../../src/data/index-png.ts";
import { openLoader } from "../../src/data/loader.ts";
import { subset } from "../../src/data/subset.ts";
import type { SampleBatch, Target } from "../../src/runtime/batches.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-samples-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const put = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  mkdirSync(join(path, ".."), { recursive: true });
  writeFileSync(path, content);
  return path;
};

/** A picture 8 wide and 4 high whose red is ten times its number. */
async function picture(name: string, number: number, height = 4, width = 8): Promise<void> {
  const background = { r: 10 * number, g: 0, b: 255 };
  put(
    name,
    await sharp({ create: { width, height, channels: 3, background } })
      .png()
      .toBuffer(),
  );
}

/** A grey picture of given values. */
async function grey(values: readonly number[], width: number): Promise<Buffer> {
  const raw = { width, height: values.length / width, channels: 1 as const };
  return sharp(Uint8Array.from(values), { raw }).toColourspace("b-w").png().toBuffer();
}

function npy(descr: string, shape: readonly number[], data: ArrayBufferView): Uint8Array {
  const text = `{'descr': '${descr}', 'fortran_order': False, 'shape': (${shape.join(", ")},), }`;
  const header = `${text.padEnd(117)}\n`;
  const head = Buffer.alloc(10);
  head.write("\x93NUMPY\x01\x00", "latin1");
  head.writeUInt16LE(header.length, 8);
  const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
  return Buffer.concat([head, Buffer.from(header, "latin1"), bytes]);
}

beforeAll(async () => {
  for (const number of [1, 2, 3]) await picture(`images/${number}.png`, number);
});

const config = (name: string, content: object): string =>
  put(name, JSON.stringify({ schema: "mdp-dataset/2", ...content }));
const images = { from: "images", path: "images", size: [4, 8] };

async function firstBatch(path: string, size = 3): Promise<SampleBatch> {
  for await (const batch of (await openDataset(path)).batches(size)) return batch;
  throw new Error("no batch");
}
const boxesOf = (target: Target | undefined): readonly unknown[] =>
  target?.kind === "boxes" ? target.boxes : [];

describe("inputs of different kinds are joined", () => {
  const table = "id,x,y,words\n1,0.5,2,hello\n2,-1,0,two words\n3,7,7,end\n";
  test("pictures, an array of whole numbers, columns of a table and texts, row by row", async () => {
    put("rows.csv", table);
    put("tokens.npy", npy("<i8", [3, 2], BigInt64Array.of(1n, 2n, 3n, 4n, 5n, 6n)));
    const path = config("four.json", {
      inputs: {
        image: { ...images, list: { table: "rows.csv", column: "id" } },
        tokens: { from: "array", path: "tokens.npy" },
        state: { from: "table", path: "rows.csv", columns: ["x", "y"] },
        text: { from: "table", path: "rows.csv", columns: ["words"], dtype: "string" },
      },
    });
    const batch = await firstBatch(path, 2);
    expect(batch.size).toBe(2);
    expect(batch.feeds["image"]?.shape).toEqual([2, 3, 4, 8]);
    expect(Number(batch.feeds["image"]?.data[96])).toBeCloseTo(20 / 255, 6);
    expect(batch.feeds["tokens"]).toEqual({
      ...{ type: "int64", shape: [2, 2] },
      data: BigInt64Array.of(1n, 2n, 3n, 4n),
    });
    expect(batch.feeds["state"]?.data).toEqual(Float32Array.of(0.5, 2, -1, 0));
    expect(batch.feeds["text"]?.data).toEqual(["hello", "two words"]);
  });

  test("JSON lines of lists, filled up to a length; plain numbers with their shape", async () => {
    put("ids.jsonl", '{"ids": [5, 6]}\n{"ids": [7]}\n{"ids": [8, 9, 10]}\n');
    put("plain.bin", new Uint8Array(Float32Array.of(1, 2, 3, 4, 5, 6).buffer));
    const path = config("lists.json", {
      inputs: {
        ids: {
          ...{ from: "table", path: "ids.jsonl", columns: ["ids"], dtype: "int64" },
          pad: { length: 3, value: 0 },
        },
        plain: { from: "array", path: "plain.bin", dtype: "float32", shape: [2] },
      },
    });
    const batch = await firstBatch(path);
    expect(Array.from((batch.feeds["ids"]?.data ?? []) as BigInt64Array, Number)).toEqual([
      5, 6, 0, 7, 0, 0, 8, 9, 10,
    ]);
    expect(batch.feeds["plain"]?.shape).toEqual([3, 2]);
  });

  test("splits stand in paths; a subset takes inputs and targets along; a loader gives all once", async () => {
    await picture("parts/train/1.png", 1);
    await picture("parts/train/2.png", 2);
    await picture("parts/val/3.png", 3);
    const path = config("splits.json", {
      splits: { train: "train", val: "val" },
      inputs: { image: { ...images, path: "parts/{split}" } },
      target: { from: "input" },
    });
    expect((await openDataset(path, { split: "val" })).count).toBe(1);
    const dataset = await openDataset(path, { split: "train" });
    const one = subset(dataset, 1);
    const batch = await one.samples([0]);
    expect(batch.targets?.[0]?.kind).toBe("values");
    const augment = { crop: 0, flip: "none", mixup: 0 } as const;
    const open = { path, options: {} };
    const loader = await openLoader(dataset, { augment, seed: 1, open });
    const reds: number[] = [];
    for await (const { feeds } of loader.epoch(0, 1, 0)) {
      reds.push(Math.round(255 * Number(feeds["image"]?.data[0])));
    }
    await loader.close();
    expect(reds.sort((a, b) => a - b)).toEqual([10, 20]);
    await expect(
      openLoader(dataset, { augment: { ...augment, crop: 1 }, seed: 1, open }),
    ).rejects.toMatchObject({ code: "data/cannot-augment" });
    await expect(openDataset(path, { split: "nope" })).rejects.toMatchObject({
      code: "data/not-found",
    });
  });
});

describe("boxes", () => {
  const square = { ...images, size: 8, letterbox: { align: "top-left" } };
  const boxes = (format: string, at: string, more: object = {}): object => ({
    inputs: { "": square },
    target: { from: "boxes", format, path: at },
    ...more,
  });

  test("of YOLO, VOC and COCO say the same, in pixels of the original", async () => {
    for (const number of [1, 2, 3]) {
      put(`yolo/${number}.txt`, "1 0.5 0.5 0.5 0.5\n");
      put(
        `voc/${number}.xml`,
        "<annotation><object><name>b</name><part><name>x</name></part><difficult>0</difficult><bndbox><xmin>3</xmin><ymin>2</ymin><xmax>6</xmax><ymax>3</ymax></bndbox></object></annotation>",
      );
    }
    put(
      "coco.json",
      JSON.stringify({
        images: [1, 2, 3].map((id) => ({ id, file_name: `${id}.png` })),
        categories: [
          { id: 90, name: "b" },
          { id: 4, name: "a" },
        ],
        annotations: [1, 2, 3].map((image_id) => ({
          ...{ image_id, category_id: 90, bbox: [2, 1, 4, 2], iscrowd: 0 },
        })),
      }),
    );
    const wanted = [{ left: 2, top: 1, right: 6, bottom: 3, label: 1 }];
    const classes = ["a", "b"];
    for (const path of [
      config("yolo.json", boxes("yolo", "yolo", { classes })),
      config("voc.json", boxes("voc", "voc", { classes })),
      config("coco-set.json", boxes("coco", "coco.json")),
    ]) {
      const { targets } = await firstBatch(path);
      expect(boxesOf(targets?.[2])).toEqual(wanted);
    }
    expect((await openDataset(join(folder, "coco-set.json"))).classes).toEqual(["a", "b"]);
  });

  test("a letterbox keeps proportions, fills with grey, and says where the picture lies", async () => {
    const path = config("box.json", boxes("yolo", "yolo"));
    const { feeds, targets } = await firstBatch(path, 1);
    const data = feeds[""]?.data as Float32Array;
    expect(feeds[""]?.shape).toEqual([1, 3, 8, 8]);
    expect(data[0]).toBeCloseTo(10 / 255, 6);
    expect(data[63]).toBeCloseTo(114 / 255, 6);
    expect(targets?.[0]).toMatchObject({
      placement: { height: 4, width: 8, scale: [1, 1], offset: [0, 0] },
    });
  });

  test.each([
    ["no area", "1 0.5 0.5 0 0.5", /bad1\/1\.txt:1/],
    ["outside of the picture", "0 0.5 0.5 0.2 0.2\n0 0.9 0.5 0.5 0.5", /bad1\/1\.txt:2/],
    ["a class that isn't there", "2 0.5 0.5 0.5 0.5", /bad1\/1\.txt:1/],
    ["too few numbers", "1 0.5 0.5 0.5", /bad1\/1\.txt:1/],
    ["NaN", "1 0.5 nan 0.5 0.5", /bad1\/1\.txt:1/],
  ])("%s is refused with file and line", async (_, text, where) => {
    for (const number of [1, 2, 3]) put(`bad1/${number}.txt`, text);
    const path = config("bad1.json", boxes("yolo", "bad1", { classes: ["a", "b"] }));
    await expect(firstBatch(path)).rejects.toMatchObject({
      ...{ code: "data/bad-box", exitCode: 3 },
      where: expect.stringMatching(where),
    });
  });

  test("pictures without a file of boxes are refused, left out, or empty, as the config says", async () => {
    put("some/1.txt", "1 0.5 0.5 0.5 0.5");
    const target = { from: "boxes", format: "yolo", path: "some" };
    const open = (unpaired?: string): ReturnType<typeof openDataset> =>
      openDataset(
        config("some.json", {
          inputs: { "": square },
          target: unpaired === undefined ? target : { ...target, unpaired },
        }),
      );
    await expect(open()).rejects.toMatchObject({ code: "data/missing-pair", exitCode: 3 });
    expect((await open("skip")).count).toBe(1);
    const empty = await open("empty");
    expect(empty.count).toBe(3);
    expect(boxesOf((await empty.samples([2])).targets?.[0])).toEqual([]);
  });
});

describe("masks", () => {
  const mask = (target: object, more: object = {}): object => ({
    inputs: { "": { ...images, size: [2, 4] } },
    target: { from: "masks", path: "masks", ...target },
    ...more,
  });
  beforeAll(async () => {
    // Left half 0, right half 1; the lower right corner counts for nothing.
    const values = Array.from({ length: 32 }, (_, at) => (at === 31 ? 255 : at % 8 < 4 ? 0 : 1));
    for (const number of [1, 2, 3]) put(`masks/${number}.png`, await grey(values, 8));
  });

  test("take the class of the original pixel under each middle", async () => {
    const path = config("masks.json", mask({}, { classes: ["a", "b"] }));
    const { targets } = await firstBatch(path, 1);
    expect(targets?.[0]).toEqual({
      ...{ kind: "mask", height: 2, width: 4, ignore: -1 },
      labels: Int32Array.of(0, 0, 1, 1, 0, 0, 1, -1),
    });
  });

  test("values that are no class, and masks of another size, are refused", async () => {
    const few = config("few.json", mask({ ignore: [] }, { classes: ["a", "b"] }));
    await expect(firstBatch(few)).rejects.toMatchObject({
      ...{ code: "data/bad-mask", exitCode: 3 },
      message: expect.stringContaining("Row 3, column 7"),
    });
    for (const number of [1, 2, 3]) put(`small/${number}.png`, await grey([0, 1, 0, 1], 2));
    const small = config("small.json", mask({ path: "small" }));
    await expect(firstBatch(small, 1)).rejects.toMatchObject({
      ...{ code: "data/bad-mask", where: expect.stringContaining("small/1.png") },
    });
  });

  test("a palette's PNG gives the numbers of its colours, at every depth and filter, seed 3", () => {
    const random = randomFrom(3);
    for (const depth of [1, 2, 4, 8]) {
      const [width, height] = [7, 5];
      const wanted = Array.from({ length: width * height }, () => random.integer(2 ** depth));
      const png = palettePng(wanted, width, depth);
      expect([...(readIndexPng(png)?.indices ?? [])]).toEqual(wanted);
    }
  });
});

/** A PNG with a palette whose rows are filtered in all five ways in turn. */
function palettePng(indices: readonly number[], width: number, depth: number): Uint8Array {
  const height = indices.length / width;
  const rowBytes = Math.ceil((width * depth) / 8);
  const plain = new Uint8Array(rowBytes * height);
  for (const [at, index] of indices.entries()) {
    const bit = (at % width) * depth;
    const byte = Math.floor(at / width) * rowBytes + (bit >> 3);
    plain[byte] = (plain[byte] ?? 0) | (index << (8 - depth - (bit & 7)));
  }
  const raw = new Uint8Array((rowBytes + 1) * height);
  for (let row = 0; row < height; row += 1) {
    const filter = row % 5;
    raw[row * (rowBytes + 1)] = filter;
    for (let at = 0; at < rowBytes; at += 1) {
      const byte = (r: number, c: number): number =>
        r < 0 || c < 0 ? 0 : (plain[r * rowBytes + c] ?? 0);
      const [a, b, c] = [byte(row, at - 1), byte(row - 1, at), byte(row - 1, at - 1)];
      const p = a + b - c;
      const [pa, pb, pc] = [Math.abs(p - a), Math.abs(p - b), Math.abs(p - c)];
      const paeth = pa <= pb && pa <= pc ? a : pb <= pc ? b : c;
      const guess = [0, a, b, (a + b) >> 1, paeth][filter] ?? 0;
      raw[row * (rowBytes + 1) + 1 + at] = (byte(row, at) - guess) & 255;
    }
  }
  const chunk = (kind: string, data: Uint8Array): Buffer => {
    const head = Buffer.alloc(8);
    head.writeUInt32BE(data.length, 0);
    head.write(kind, 4, "latin1");
    return Buffer.concat([head, data, Buffer.alloc(4)]);
  };
  const header = Buffer.alloc(13);
  header.writeUInt32BE(width, 0);
  header.writeUInt32BE(height, 4);
  header.set([depth, 3], 8);
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("PLTE", new Uint8Array(3 * 2 ** depth)),
    chunk("IDAT", deflateSync(raw)),
    chunk("IEND", new Uint8Array()),
  ]);
}

describe("numbers as targets", () => {
  test("a class, several classes or values per row of a table", async () => {
    put("labels.csv", "kind,tags,x,y\na,a|b,1,2\nb,,3,4\na,b,5,6\n");
    const open = (as: string, columns: readonly string[]): Promise<SampleBatch> =>
      firstBatch(
        config("labels.json", {
          inputs: { "": images },
          target: { from: "table", path: "labels.csv", columns, as },
          classes: ["a", "b"],
        }),
      );
    expect([...(await open("class", ["kind"])).labels]).toEqual([0, 1, 0]);
    expect((await open("classes", ["tags"])).targets?.slice(0, 2)).toEqual([
      { kind: "classes", labels: [0, 1] },
      { kind: "classes", labels: [] },
    ]);
    expect((await open("values", ["x", "y"])).targets?.[1]).toEqual({
      kind: "values",
      values: { "": { type: "float32", shape: [2], data: Float32Array.of(3, 4) } },
    });
  });

  test("pictures by name, with a preparation of their own", async () => {
    for (const number of [1, 2, 3]) await picture(`goals/${number}.png`, 2 * number, 2, 2);
    const path = config("goals.json", {
      inputs: { "": images },
      target: { from: "images", path: "goals", channels: "gray", range: [0, 255], output: "y" },
    });
    const { targets } = await firstBatch(path);
    const target = targets?.[0];
    expect(target?.kind === "values" ? target.values["y"]?.shape : null).toEqual([1, 2, 2]);
  });
});

describe("bad input is refused with its place", () => {
  const state = (path: string, more: object = {}): object => ({
    inputs: { state: { from: "table", path, columns: ["x"], ...more } },
  });
  test.each([
    ["a cell that is no number", "x\n1\nabc\n", "data/bad-table", /cells\.csv:3/],
    ["NaN in a table", "x\n1\nNaN\n", "data/bad-table", /cells\.csv:3/],
    ["an empty cell", "x,y\n1,1\n,2\n", "data/bad-table", /cells\.csv:3/],
    ["a missing column", "y\n1\n", "data/bad-table", /cells\.csv:2/],
    ["a ragged CSV", "x,y\n1,2\n3\n", "data/bad-table", /cells\.csv:3/],
  ])("%s", async (_, text, code, where) => {
    put("cells.csv", text);
    await expect(firstBatch(config("cells.json", state("cells.csv")))).rejects.toMatchObject({
      ...{ code, exitCode: 3, where: expect.stringMatching(where) },
    });
  });

  test("ragged lists, a line that is no JSON, a number that is none of its type", async () => {
    put("ragged.jsonl", '{"x": [1, 2]}\n{"x": [1]}\n');
    await expect(firstBatch(config("ragged.json", state("ragged.jsonl")))).rejects.toMatchObject({
      code: "data/bad-table",
      where: expect.stringMatching(/jsonl:2/),
    });
    put("broken.jsonl", '{"x": 1}\n{"x": \n');
    await expect(firstBatch(config("broken.json", state("broken.jsonl")))).rejects.toMatchObject({
      code: "data/bad-table",
      where: expect.stringMatching(/jsonl:2/),
    });
    put("half.csv", "x\n1.5\n");
    await expect(
      firstBatch(config("half.json", state("half.csv", { dtype: "int64" }))),
    ).rejects.toMatchObject({ code: "data/type-mismatch" });
  });

  test("arrays that are cut short, hold NaN, or have another number of rows", async () => {
    const whole = npy("<f4", [3, 2], Float32Array.of(1, 2, 3, 4, 5, 6));
    const array = (name: string): object => ({
      inputs: { x: { from: "array", path: name } },
    });
    put("short.npy", whole.subarray(0, whole.length - 4));
    await expect(firstBatch(config("short.json", array("short.npy")))).rejects.toMatchObject({
      code: "data/bad-array",
    });
    put("nan.npy", npy("<f4", [3, 1], Float32Array.of(1, Number.NaN, 2)));
    await expect(firstBatch(config("nan.json", array("nan.npy")))).rejects.toMatchObject({
      ...{ code: "data/not-finite", message: expect.stringContaining("Sample 1") },
    });
    put("two.npy", npy("<f4", [2, 1], Float32Array.of(1, 2)));
    const both = config("both.json", {
      inputs: { "": images, x: { from: "array", path: "two.npy" } },
    });
    await expect(firstBatch(both)).rejects.toMatchObject({ code: "data/missing-pair" });
    put("big.npy", npy(">f4", [1, 1], Float32Array.of(1)));
    await expect(firstBatch(config("big.json", array("big.npy")))).rejects.toMatchObject({
      code: "data/bad-array",
    });
  });

  test("an absent column or file, half NaNs, ids that are there twice, categories that are no classes", async () => {
    const [input, path] = [{ "": images }, "faults"];
    const files = {
      "absent.csv": "a\n1\n2\n3\n",
      "twice.json": JSON.stringify({
        images: [1, 1, 3].map((id, at) => ({ id, file_name: `${at + 1}.png` })),
        ...{ categories: [{ id: 1, name: "p" }], annotations: [] },
      }),
      "one.json": JSON.stringify({
        images: [1, 2, 3].map((id) => ({ id, file_name: `${id}.png` })),
        categories: [{ id: 7, name: "p" }],
        annotations: [{ image_id: 1, category_id: 7, bbox: [1, 1, 2, 2] }],
      }),
    };
    for (const [name, text] of Object.entries(files)) put(`${path}/${name}`, text);
    put(`${path}/half.npy`, npy("<f2", [3, 1], Uint16Array.of(0x3c00, 0x7e00, 0)));
    const code = async (about: object): Promise<string> => {
      const file = config(`${path}.json`, { inputs: input, ...about });
      const failure: unknown = await firstBatch(file).catch((error: unknown) => error);
      expect(failure).toMatchObject({ exitCode: 3 });
      return (failure as { code: string }).code;
    };
    const coco = { from: "boxes", format: "coco" };
    const several = { from: "table", path: `${path}/absent.csv`, columns: ["b"], as: "classes" };
    expect(await code({ target: several })).toBe("data/bad-table");
    expect(await code({ target: { from: "array", path: "none.npy" } })).toBe("data/not-found");
    expect(await code({ target: { from: "array", path: `${path}/half.npy` } })).toBe(
      "data/not-finite",
    );
    expect(await code({ target: { ...coco, path: `${path}/twice.json` } })).toBe("data/bad-box");
    const one = { target: { ...coco, path: `${path}/one.json` } };
    expect(await code({ ...one, classes: ["a", "b"] })).toBe("data/bad-box");
    expect(await code({ ...one, classes: ["a", ""] })).toBe("data/bad-config");
    // By its name it is the second class; a single class of another name is the same class renamed.
    for (const [classes, label] of [
      [["a", "p"], 1],
      [["other"], 0],
    ] as const) {
      const file = config(`${path}.json`, { inputs: input, ...one, classes });
      const { targets } = await firstBatch(file);
      expect(targets?.[0]).toMatchObject({ boxes: [{ label }] });
    }
  });

  test("a config with unknown fields, and one without inputs", async () => {
    await expect(openDataset(config("u.json", { inputs: {}, more: 1 }))).rejects.toMatchObject({
      code: "data/bad-config",
      exitCode: 3,
    });
  });
});
