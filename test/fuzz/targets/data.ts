import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { pack } from "tar-stream";
import type { Random } from "../../../src/core/random.ts";
import { parseDatasetConfig } from "../../../src/data/config.ts";
import { type Dataset, openDataset } from "../../../src/data/dataset.ts";
import { npyElements, npyHeader } from "../../../src/data/drawn/npy.ts";
import { decodeImage } from "../../../src/data/prepare.ts";
import { mutatedBytes } from "../mutate/bytes.ts";
import { mutatedText } from "../mutate/text.ts";
import { bytesOf, type FuzzInput, type FuzzReader, type FuzzTarget, mutations } from "../target.ts";
import { jsonInputs } from "./documents.ts";

const [HEIGHT, WIDTH, COUNT] = [6, 5, 3];

/** Reads everything that a set holds, as a command would: two batches at most. */
async function readAll(path: string): Promise<void> {
  const set: Dataset = await openDataset(path, { unlabelled: true });
  let left = 2;
  for await (const _batch of set.batches(2)) {
    left -= 1;
    if (left === 0) break;
  }
}

/** A picture in one of the formats. */
function picture(
  number: number,
  format: "png" | "jpeg" | "webp" | "gif",
  channels: 1 | 3 = 3,
): Promise<Buffer> {
  const bytes = Uint8Array.from(
    { length: HEIGHT * WIDTH * channels },
    (_, at) => (at * (number + 3)) % 256,
  );
  const raw = { width: WIDTH, height: HEIGHT, channels };
  return sharp(bytes, { raw })[format]().toBuffer();
}

/** Pictures 0.png, 1.png, ... in a folder. */
async function pictures(folder: string, channels: 1 | 3 = 3): Promise<void> {
  mkdirSync(folder, { recursive: true });
  for (let at = 0; at < COUNT; at += 1) {
    writeFileSync(join(folder, `${at}.png`), await picture(at, "png", channels));
  }
}

const palette = (): Promise<Buffer> =>
  sharp(
    Uint8Array.from({ length: HEIGHT * WIDTH * 3 }, (_, at) => (at % 4) * 60),
    {
      raw: { width: WIDTH, height: HEIGHT, channels: 3 },
    },
  )
    .png({ palette: true })
    .toBuffer();

export const images: FuzzTarget = {
  name: "images",
  open: async () => {
    const seeds = [
      ...(await Promise.all(
        (["png", "jpeg", "webp", "gif"] as const).map((format) => picture(1, format)),
      )),
      await picture(2, "png", 1),
      await palette(),
    ];
    const config = parseDatasetConfig({ resize: 7, crop: 4, size: [5, 4] }, "fuzz");
    return {
      input: mutations(seeds, mutatedBytes),
      read: ({ bytes }) => decodeImage({ kind: "encoded", bytes }, config, "fuzz.png"),
    };
  },
};

/** Files beside each other, one of which is the input. */
function oneFile(
  folder: string,
  files: readonly { readonly name: string; readonly right: Uint8Array | string }[],
  read: (folder: string) => Promise<unknown>,
): FuzzReader {
  for (const { name, right } of files) {
    mkdirSync(join(folder, name, ".."), { recursive: true });
    writeFileSync(join(folder, name), right);
  }
  const change = (right: Uint8Array | string, random: Random): Uint8Array | string =>
    typeof right === "string" && random.integer(4) > 0
      ? mutatedText(right, random)
      : mutatedBytes(typeof right === "string" ? bytesOf(right) : right, random);
  return {
    input: mutations(
      files.map(({ right }) => right),
      change,
    ),
    read: async ({ bytes, seed }) => {
      const file = files[seed];
      if (file === undefined) return;
      writeFileSync(join(folder, file.name), bytes);
      try {
        await read(folder);
      } finally {
        writeFileSync(join(folder, file.name), file.right);
      }
    },
  };
}

async function archive(): Promise<Uint8Array> {
  const tar = pack();
  for (let at = 0; at < COUNT; at += 1)
    tar.entry({ name: `set/${at}.png` }, await picture(at, "png"));
  tar.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of tar) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Uint8Array.from(Buffer.concat(chunks));
}

export const archives: FuzzTarget = {
  name: "archives",
  open: async (folder) => {
    const tar = await archive();
    const names = ["plain.tar", "packed.tar.gz", "short.tgz"];
    const zipped = Uint8Array.from(gzipSync(tar));
    return {
      input: mutations([tar, zipped, tar], mutatedBytes),
      read: async ({ bytes, seed }) => {
        const path = join(folder, names[seed] ?? "plain.tar");
        writeFileSync(path, seed === 2 ? gzipSync(bytes) : bytes);
        await readAll(path);
      },
    };
  },
};

/** IDX pairs, CIFAR's binary, records of a config's shape. */
export const records: FuzzTarget = {
  name: "records",
  open: (folder) => {
    const words = (...values: readonly number[]): Uint8Array => {
      const view = new DataView(new ArrayBuffer(4 * values.length));
      for (const [at, value] of values.entries()) view.setUint32(4 * at, value);
      return new Uint8Array(view.buffer);
    };
    const idx = Buffer.concat([
      words(0x803, COUNT, HEIGHT, WIDTH),
      Buffer.alloc(COUNT * HEIGHT * WIDTH, 9),
    ]);
    const labels = Buffer.concat([words(0x801, COUNT), Buffer.from([0, 1, 2])]);
    const record = { channels: 1, height: HEIGHT, width: WIDTH };
    return oneFile(
      folder,
      [
        { name: "train-images-idx3-ubyte", right: Uint8Array.from(idx) },
        { name: "train-labels-idx1-ubyte", right: Uint8Array.from(labels) },
        { name: "packed-images-idx3-ubyte.gz", right: Uint8Array.from(gzipSync(idx)) },
        { name: "packed-labels-idx1-ubyte.gz", right: Uint8Array.from(gzipSync(labels)) },
        { name: "batch.bin", right: new Uint8Array(2 * 3073).fill(7) },
        {
          name: "records.json",
          right: JSON.stringify({ format: "records", record, path: "records.raw" }),
        },
        { name: "records.raw", right: new Uint8Array(2 * (1 + HEIGHT * WIDTH)).fill(3) },
      ],
      (place) =>
        firstFault(
          ["train-images-idx3-ubyte", "packed-images-idx3-ubyte.gz", "batch.bin", "records.json"],
          place,
        ),
    );
  },
};

/** Each set is read, whatever becomes of the others; the first error counts. */
async function firstFault(names: readonly string[], folder: string): Promise<void> {
  const ends = await Promise.allSettled(names.map((name) => readAll(join(folder, name))));
  const internal = ends.flatMap((end) =>
    end.status === "rejected" ? [end.reason as unknown] : [],
  );
  if (internal.length > 0) throw internal.find((reason) => !isInput(reason)) ?? internal[0];
}

const isInput = (reason: unknown): boolean =>
  reason instanceof Error && "exitCode" in reason && reason.exitCode !== 1;

const V2 = "mdp-dataset/2";
const image = { from: "images", path: "images", size: [HEIGHT, WIDTH] };

/** Tables, arrays, boxes and masks, read through configs that name them. */
export const columns: FuzzTarget = {
  name: "columns",
  open: async (folder) => {
    await pictures(join(folder, "images"));
    const numbers = Array.from({ length: 2 * COUNT }, (_, at) => at);
    const array = Buffer.concat([npyHeader("int64", [COUNT, 2]), npyElements("int64", numbers)]);
    const boxes = { image_id: 1, category_id: 4, bbox: [0, 0, 2, 3] };
    const coco = {
      images: numbers.slice(0, COUNT).map((id) => ({ id, file_name: `${id}.png` })),
      categories: [
        { id: 4, name: "dog" },
        { id: 7, name: "cat" },
      ],
      annotations: [boxes, { ...boxes, category_id: 7, iscrowd: 1 }],
    };
    const voc =
      "<annotation><object><name>dog</name><bndbox><xmin>1</xmin><ymin>1</ymin><xmax>3</xmax><ymax>4</ymax></bndbox></object></annotation>";
    const input = (inputs: object, target?: object): string =>
      JSON.stringify({ schema: V2, inputs, target });
    const table = (path: string, dtype = "float32"): object => ({
      from: "table",
      path,
      columns: ["x", "y"],
      dtype,
    });
    const configs = [
      input(
        {
          a: table("rows.csv"),
          b: { from: "table", path: "rows.csv", columns: ["words"], dtype: "string" },
        },
        { from: "table", path: "rows.csv", columns: ["label"], as: "class" },
      ),
      input(
        {
          a: table("rows.jsonl", "int64"),
          b: { from: "table", path: "rows.jsonl", columns: ["list"], pad: { length: 4, value: 0 } },
        },
        { from: "table", path: "rows.jsonl", columns: ["x"], as: "values" },
      ),
      input({
        a: { from: "array", path: "array.npy" },
        b: { from: "array", path: "plain.raw", dtype: "float32", shape: [2] },
      }),
      input({ a: image }, { from: "boxes", path: "boxes.json", format: "coco" }),
      input({ a: image }, { from: "boxes", path: "yolo", format: "yolo", unpaired: "empty" }),
      JSON.stringify({
        schema: V2,
        inputs: { a: image },
        target: { from: "boxes", path: "voc", format: "voc" },
        classes: ["dog", "cat"],
      }),
    ];
    for (const [at, text] of configs.entries()) writeFileSync(join(folder, `${at}.json`), text);
    const rows = 'x,y,words,label\n0.5,2,hello,0\n-1,0,"two, words",1\n7,7,end,2\n';
    const lines = [
      { x: 1, y: 2, list: [1, 2] },
      { x: 3, y: 4, list: [[5], 6] },
      { x: 5, y: 6, list: "1 2 3" },
    ];
    mkdirSync(join(folder, "voc"));
    for (let at = 0; at < COUNT; at += 1) writeFileSync(join(folder, "voc", `${at}.xml`), voc);
    return oneFile(
      folder,
      [
        { name: "rows.csv", right: rows },
        { name: "rows.jsonl", right: lines.map((line) => JSON.stringify(line)).join("\n") },
        { name: "array.npy", right: Uint8Array.from(array) },
        { name: "plain.raw", right: new Uint8Array(COUNT * 8) },
        { name: "boxes.json", right: JSON.stringify(coco) },
        { name: "yolo/1.txt", right: "0 0.5 0.5 0.2 0.2\n1 0.4 0.4 0.1 0.1\n" },
        { name: "voc/1.xml", right: voc },
      ],
      (place) =>
        firstFault(
          configs.map((_, at) => `${at}.json`),
          place,
        ),
    );
  },
};

/** COCO files, changed in their structure. */
export const coco: FuzzTarget = {
  name: "coco",
  open: async (folder) => {
    await pictures(join(folder, "images"));
    const target = { from: "boxes", path: "boxes.json", format: "coco" };
    writeFileSync(
      join(folder, "set.json"),
      JSON.stringify({ schema: V2, inputs: { a: image }, target }),
    );
    const right = {
      images: [0, 1, 2].map((id) => ({ id, file_name: `${id}.png` })),
      categories: [
        { id: 4, name: "dog" },
        { id: 7, name: "cat" },
      ],
      annotations: [{ image_id: 1, category_id: 4, bbox: [0, 0, 2, 3], iscrowd: 0 }],
    };
    return {
      input: jsonInputs([right]),
      read: async ({ bytes }) => {
        writeFileSync(join(folder, "boxes.json"), bytes);
        await readAll(join(folder, "set.json"));
      },
    };
  },
};

export const masks: FuzzTarget = {
  name: "masks",
  open: async (folder) => {
    await pictures(join(folder, "images"));
    await pictures(join(folder, "masks"), 1);
    const target = { from: "masks", path: "masks" };
    writeFileSync(
      join(folder, "set.json"),
      JSON.stringify({ schema: V2, inputs: { a: image }, target }),
    );
    return {
      input: mutations(
        [await picture(1, "png", 1), await palette(), await palette()],
        mutatedBytes,
      ),
      read: async ({ bytes }) => {
        writeFileSync(join(folder, "masks", "0.png"), bytes);
        await readAll(join(folder, "set.json"));
      },
    };
  },
};

/** Both versions of the data set's config, around right data. */
export const dataConfig: FuzzTarget = {
  name: "data-config",
  open: async (folder) => {
    await pictures(join(folder, "images"));
    await pictures(join(folder, "test", "one"));
    writeFileSync(join(folder, "rows.csv"), "file,x,label\n0.png,0.5,0\n1.png,-1,1\n2.png,7,1\n");
    writeFileSync(
      join(folder, "array.npy"),
      Buffer.concat([npyHeader("float32", [COUNT]), npyElements("float32", [1, 2, 3])]),
    );
    const first = {
      schema: "mdp-dataset/1",
      path: ".",
      splits: { test: "images", train: "test" },
      labels: { csv: "rows.csv" },
      classes: ["a", "b"],
      ...{
        classOffset: 0,
        size: [4, 4],
        resize: 7,
        crop: 4,
        channels: "rgb",
        mean: [0.5],
        std: [0.2],
        layout: "nchw",
      },
    };
    const { mean: _mean, std: _std, ...rest } = first;
    const second = (target: object): object => ({
      schema: V2,
      path: ".",
      splits: { test: "images" },
      inputs: {
        a: {
          ...image,
          path: "{split}",
          letterbox: { value: 0, align: "centre" },
          list: { table: "rows.csv", column: "file" },
        },
        b: { from: "array", path: "array.npy", dtype: "float32", reshape: [1, 1] },
        c: {
          from: "table",
          path: "rows.csv",
          columns: ["x", "label"],
          dtype: "float32",
          shape: [2],
          pad: { length: 2, value: 0 },
        },
      },
      ...{ target, task: "classification", classes: ["a", "b"], classOffset: 0 },
    });
    const seeds = [
      first,
      { ...rest, range: [-1, 1], format: "folder", letterbox: { value: 3 } },
      second({ from: "table", path: "rows.csv", columns: ["label"], as: "class" }),
      second({ from: "masks", path: "images", values: { 3: 1 }, ignore: [255] }),
      second({ from: "labels", labels: { csv: "rows.csv" } }),
      second({ from: "input", input: "a" }),
    ];
    return {
      input: jsonInputs(seeds),
      read: async ({ bytes }: FuzzInput) => {
        writeFileSync(join(folder, "set.json"), bytes);
        await readAll(join(folder, "set.json"));
      },
    };
  },
};
