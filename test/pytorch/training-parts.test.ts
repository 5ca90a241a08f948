import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gzipSync } from "node:zlib";
import sharp from "sharp";
import { pack } from "tar-stream";
import { afterAll, describe, expect, test } from "vitest";
import { packageRoot } from "../../src/core/files.ts";
import { randomFrom } from "../../src/core/random.ts";
import type { DatasetConfig } from "../../src/data/config.ts";
import { openDataset } from "../../src/data/dataset.ts";
import { runPython } from "../../src/pytorch/python.ts";
import { readSafetensors } from "../../src/pytorch/safetensors/read.ts";
import type { SampleBatch } from "../../src/runtime/batches.ts";
import { rateAt, SCHEDULES } from "../../src/training/schedules.ts";
import { imagesOf } from "../helpers/samples.ts";
import { lacksImages, torchPython } from "../helpers/torch.ts";

const python = await torchPython();
const folder = mkdtempSync(join(tmpdir(), "mdp-training-parts-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Place {
  readonly path: string;
  readonly config: DatasetConfig;
  readonly shape: readonly (number | null)[];
  /** Where images are resized, or decoded by another library, bytes differ by a few steps of 256, on average by less than one. */
  readonly tolerance: number;
}

interface Parts {
  readonly rates: number[][];
  readonly prepared: { labels: number[]; shape: number[]; values: number[] }[];
  readonly orders: { steps: Record<string, number[][]>; held: number[][] };
  readonly statistics: { one: number[]; two: number[]; expected: number[] };
  readonly distances: [number, number, number];
  readonly losses: {
    smoothed: [number, number];
    distilled: [number, number];
    mixed: number[];
  };
  readonly kept: {
    same: boolean;
    moments: boolean;
    epoch: number;
    refused: number[];
    left: string[];
  };
  readonly types: { same: boolean; metadata: Record<string, string>; path: string };
  readonly problems: ([number, string, string] | null)[];
  readonly machines: ([number, string, string] | string | null)[];
  readonly decays: [number, ...string[]];
  readonly scores: number[];
  readonly zeros: {
    readonly found: readonly (readonly [number, number, boolean])[];
    readonly refused: readonly [number, string] | null;
  };
  readonly numbered: { labels: number[]; refused: [number, string, string] | null };
  readonly recipes: Record<string, Record<string, unknown>>;
}

const RATES = SCHEDULES.flatMap((kind) =>
  [0, 2.5].map((warmupEpochs) => ({
    ...{ kind, rate: 0.3, warmupEpochs, finalShare: kind === "linear" ? 0.1 : 0 },
    ...{ total: 36, perEpoch: 4 },
  })),
);
const PROBLEMS = [
  { recipe: "mdp-imagnet" },
  { recipe: "repair", changes: { lr: -1 } },
  { recipe: "repair", changes: { warmup_epochs: 9 } },
  { recipe: "repair", changes: { label_weight: 0, score_weight: 0, feature_weight: 0 } },
  { batch: 64, chunk: 16, processes: 3 },
  { batch: 64, chunk: 16, processes: 2 },
  { path: "/no/such/data" },
  { path: "/no/such/train-{000..002}.tar" },
  { path: join(folder, "short.bin") },
  { path: join(folder, "empty") },
  { path: join(folder, "broken.tar.gz") },
  { path: join(folder, "shard-{000..000}.tar") },
];

let parts: Promise<Parts> | null = null;
let places: readonly Place[] = [];

/** Everything that Python does here, in one process. */
function fromPython(): Promise<Parts> {
  parts ??= runParts();
  return parts;
}

async function runParts(): Promise<Parts> {
  places = await datasets();
  writeFileSync(join(folder, "short.bin"), new Uint8Array(3000));
  mkdirSync(join(folder, "empty"));
  writeFileSync(join(folder, "broken.tar.gz"), "no archive");
  mkdirSync(join(folder, "kept"));
  const request = {
    ...{ rates: RATES, prepared: places, problems: PROBLEMS, folder: join(folder, "kept") },
    numbered: join(folder, "numbered"),
  };
  writeFileSync(join(folder, "request.json"), JSON.stringify(request));
  const script = join(packageRoot(), "test", "pytorch", "training-parts.py");
  const template = join(packageRoot(), "src", "pytorch", "template");
  const run = await runPython(python?.path ?? "", [script, template, join(folder, "request.json")]);
  expect(run.stderr).toBe("");
  // Written by the script above.
  return JSON.parse(run.stdout) as Parts;
}

/** The same few images in every form that both sides read. */
async function datasets(): Promise<Place[]> {
  const random = randomFrom(11);
  const pictures = await Promise.all(
    Array.from({ length: 6 }, async (_, at) => {
      const coarse = Uint8Array.from({ length: 6 * 7 * 3 }, () => random.integer(256));
      const picture = sharp(coarse, { raw: { width: 7, height: 6, channels: 3 } });
      const large = picture.resize(56, 48, { kernel: "cubic" });
      const bytes = await (at % 2 === 0 ? large.png() : large.jpeg({ quality: 90 })).toBuffer();
      return { name: `${["cat", "ant"][at % 2]}/${at}.${at % 2 === 0 ? "png" : "jpg"}`, bytes };
    }),
  );
  const at = (name: string): string => join(folder, name);
  for (const { name, bytes } of pictures) {
    mkdirSync(join(at("folder"), name.slice(0, 3)), { recursive: true });
    writeFileSync(join(at("folder"), name), bytes);
  }
  // Images of two classes, and among them a folder with images of the second only.
  for (const [name, { bytes } = { bytes: Buffer.alloc(0) }] of [
    ["ant/1.png", pictures[0]],
    ["held/cat/2.png", pictures[2]],
  ] as const) {
    mkdirSync(join(at("numbered"), name, ".."), { recursive: true });
    writeFileSync(join(at("numbered"), name), bytes);
  }
  const shard = pictures.flatMap(({ bytes }, number): [string, Uint8Array][] => [
    [`./v1.0/${number}.${number % 2 === 0 ? "png" : "jpg"}`, bytes],
    [`./v1.0/${number}.cls`, Buffer.from(String(9 - number))],
  ]);
  writeFileSync(at("shard-000.tar"), await packed(shard));
  const tar = await packed(pictures.map(({ name, bytes }) => [name, bytes]));
  writeFileSync(at("all.tar"), tar);
  writeFileSync(at("all.tar.gz"), gzipSync(tar));
  const records = Uint8Array.from({ length: 4 * 3073 }, (_, place) =>
    place % 3073 === 0 ? place / 3073 : random.integer(256),
  );
  writeFileSync(at("some.bin"), records);
  writeFileSync(at("some-idx3-ubyte"), idx([3, 28, 28], random.integer));
  writeFileSync(at("some-idx1-ubyte"), idx([3], random.integer));
  const photo: DatasetConfig = { resize: 40, crop: 32, mean: [0.4], std: [0.2, 0.25, 0.3] };
  const rgb = [null, 3, 32, 32];
  return [
    { path: at("folder"), config: photo, shape: rgb, tolerance: 0.16 },
    {
      path: at("all.tar"),
      config: { size: 32, channels: "bgr", range: [-1, 1] },
      ...{ shape: rgb, tolerance: 0.025 },
    },
    {
      path: at("all.tar.gz"),
      config: { ...photo, layout: "nhwc", classes: ["cat", "ant"], classOffset: 1 },
      ...{ shape: [null, 32, 32, 3], tolerance: 0.16 },
    },
    { path: at("some.bin"), config: { scale: 1, mean: [120] }, shape: rgb, tolerance: 1e-4 },
    {
      path: at("some-idx3-ubyte"),
      config: { format: "idx" },
      ...{ shape: [null, 1, 28, 28], tolerance: 1e-6 },
    },
  ];
}

/** The images as `mdp eval` reads them, stretched to the network's size. */
async function readHere({ path, config, shape }: Place): Promise<SampleBatch> {
  const size = config.layout === "nhwc" ? shape[1] : shape[2];
  const dataset = await openDataset(path, { config: { ...config, size: size ?? 1 } });
  for await (const batch of dataset.batches(16)) return batch;
  throw new RangeError("no images");
}

async function packed(files: readonly (readonly [string, Uint8Array])[]): Promise<Buffer> {
  const archive = pack();
  for (const [name, bytes] of files) archive.entry({ name }, Buffer.from(bytes));
  archive.finalize();
  const chunks: Buffer[] = [];
  for await (const chunk of archive) if (Buffer.isBuffer(chunk)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

function idx(shape: readonly number[], draw: (below: number) => number): Uint8Array {
  const head = Buffer.alloc(4 + 4 * shape.length);
  head.writeUInt32BE(0x800 + shape.length, 0);
  for (const [axis, extent] of shape.entries()) head.writeUInt32BE(extent, 4 + 4 * axis);
  const count = shape.reduce((product, extent) => product * extent, 1);
  return Buffer.concat([head, Uint8Array.from({ length: count }, () => draw(10))]);
}

const near = (found: readonly number[], wanted: readonly number[]): number =>
  Math.max(...wanted.map((value, at) => Math.abs(value - (found[at] ?? Number.NaN))));

const meanDistance = (found: readonly number[], wanted: Float32Array): number =>
  wanted.reduce((sum, value, at) => sum + Math.abs(value - (found[at] ?? 0)), 0) / wanted.length;

const lacking = lacksImages(python);
const skipped = lacking === null ? "" : ` (skipped: ${lacking})`;

describe.skipIf(lacking !== null)(`the parts of the training script${skipped}`, () => {
  test("the learning rate moves as that of mdp finetune", async () => {
    const { rates } = await fromPython();
    for (const [at, { total, perEpoch, ...spec }] of RATES.entries()) {
      const wanted = Array.from({ length: total }, (_, step) =>
        rateAt(spec, step, total, perEpoch),
      );
      expect(near(rates[at] ?? [], wanted)).toBeLessThan(1e-12);
    }
  });

  test("images and labels are those that mdp eval reads", async () => {
    const { prepared } = await fromPython();
    for (const [at, place] of places.entries()) {
      const own = prepared[at];
      const batch = await readHere(place);
      expect(own?.labels).toEqual([...batch.labels]);
      expect(own?.shape).toEqual(imagesOf(batch).shape);
      const found = own?.values ?? [];
      expect(near(found, [...imagesOf(batch).data])).toBeLessThan(place.tolerance);
      expect(meanDistance(found, imagesOf(batch).data)).toBeLessThan(place.tolerance / 10);
    }
  });

  test("every number of processes takes the same images in the same steps", async () => {
    const { steps, held } = (await fromPython()).orders;
    const sorted = (step: readonly number[]): number[] => step.toSorted((a, b) => a - b);
    expect(steps["2"]?.map(sorted)).toEqual(steps["1"]?.map(sorted));
    expect(steps["4"]?.map(sorted)).toEqual(steps["1"]?.map(sorted));
    expect(new Set(steps["1"]?.flat()).size).toBe(96);
    expect(steps["late"]).toEqual(steps["1"]?.slice(4).flat());
    expect(sorted(held.flat())).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
  });

  test("zeros of sparse weights stay zero under decay, momentum and clipping, and count in no norm", async () => {
    const { found, refused } = (await fromPython()).zeros;
    const [sgd, adamw, free] = found;
    expect(sgd).toEqual([0, 0, true]);
    expect(adamw).toEqual([0, 0, true]);
    // Without them, the same training moves them.
    expect(free?.[0]).toBeGreaterThan(0);
    expect(free?.[1]).toBeGreaterThan(0);
    expect(refused).toEqual([2, expect.stringContaining("project.json says 1")]);
  });

  test("running statistics are the mean over all chunks, whoever computed them", async () => {
    const { one, two, expected } = (await fromPython()).statistics;
    expect(near(one, expected)).toBeLessThan(1e-6);
    expect(near(two, one)).toBeLessThan(1e-6);
  });

  test("losses are those of PyTorch, and mixed targets still sum to one", async () => {
    const { losses } = await fromPython();
    expect(losses.smoothed[0]).toBeCloseTo(losses.smoothed[1], 5);
    expect(losses.distilled[0]).toBeCloseTo(losses.distilled[1], 5);
    expect(near(losses.mixed, new Array(30).fill(1))).toBeLessThan(1e-5);
  });

  test("a network is compared with the channels of its teacher that it kept", async () => {
    const [same, other, unknown] = (await fromPython()).distances;
    expect(same).toBeLessThan(1e-12);
    expect(other).toBeGreaterThan(0.01);
    expect(unknown).toBeGreaterThan(0);
  });

  test("a checkpoint comes back to the bit, and a damaged one is refused", async () => {
    const { kept, types } = await fromPython();
    expect(kept).toMatchObject({ same: true, moments: true, epoch: 3, refused: [3, 3, 3, 3, 3] });
    expect(kept.left).toEqual(["checkpoint.safetensors"]);
    expect(types.same).toBe(true);
    const read = readSafetensors(types.path);
    expect(read.metadata).toEqual({ note: "a" });
    expect(read.tensors.get("torch.float32")?.shape).toEqual([2, 3]);
  });

  test("bad input is named with what would mend it", async () => {
    const { problems } = await fromPython();
    const codes = problems.map((problem) => problem?.[0] ?? null);
    expect(codes).toEqual([2, 2, 2, 2, 3, null, 3, 3, 3, 3, 3, null]);
    const texts = problems.map((problem) => problem?.slice(1).join(" ") ?? "");
    expect(texts[0]).toContain("mdp-imagenet, deit, repair");
    expect(texts[4]).toContain("Start 1, 2 or 4 processes.");
    expect(texts[7]).toContain("3 of 3 shards are missing");
    expect(texts[8]).toContain("no whole number of records of 3073");
    for (const text of texts) expect(text).not.toContain("Traceback");
  });

  test("too few GPUs and an old PyTorch are named with what to start instead", async () => {
    const [two, none, four, cpu, old, older, new2] = (await fromPython()).machines;
    expect(two).toEqual([
      2,
      "4 processes want a GPU each on this machine, and PyTorch sees 2.",
      expect.stringContaining("--nproc_per_node=2"),
    ]);
    expect(none).toEqual([
      2,
      "this process wants a GPU, and PyTorch sees none.",
      expect.stringContaining("--device cpu"),
    ]);
    expect([four, cpu]).toEqual(["cuda:1", "cpu"]);
    const update = expect.stringContaining("pip install -r requirements.txt");
    expect(old).toEqual([3, expect.stringContaining("1.4.0 is too old"), update]);
    expect(older).toEqual([3, expect.stringContaining("1.13 or newer"), update]);
    expect(new2).toBeNull();
  });

  test("weights decay; norms, biases, layer scales and positions do not", async () => {
    const [all, ...names] = (await fromPython()).decays;
    expect(all).toBe(9);
    expect(names.toSorted()).toEqual(["0.weight", "2.weight", "product"]);
  });

  test("a step whose gradients overflowed counts for no score", async () => {
    expect((await fromPython()).scores).toEqual([1, 2, 3]);
  });

  test("a class without validation images keeps its number, and missing classes are refused", async () => {
    const { labels, refused } = (await fromPython()).numbered;
    expect(labels).toEqual([1]);
    expect(refused).toEqual([3, expect.stringContaining("of 2 classes"), expect.anything()]);
  });

  test("the ImageNet preset is the papers' recipe", async () => {
    const { recipes } = await fromPython();
    expect(recipes["mdp-imagenet"]).toMatchObject({
      ...{ epochs: 90, batch: 1024, lr: 1.024, momentum: 0.875, warmup_epochs: 8 },
      ...{ weight_decay: 3.0517578125e-5, label_smoothing: 0.1, schedule: "cosine" },
    });
  });
});

describe("what the training script needs", () => {
  test("torchvision and Pillow are asked for where they are used, not where the script is imported", async () => {
    const script = join(folder, "vision.py");
    const template = join(packageRoot(), "src", "pytorch", "template");
    writeFileSync(
      script,
      [
        "import sys, types",
        `sys.path.insert(0, ${JSON.stringify(template)})`,
        "import importlib.abc",
        "class Hide(importlib.abc.MetaPathFinder):",
        "    def find_spec(self, name, path, target=None):",
        "        if name.split('.')[0] in ('torchvision', 'PIL'): raise ImportError('hidden')",
        "sys.meta_path.insert(0, Hide())",
        "for name in ('torch', 'numpy'): sys.modules[name] = types.ModuleType(name)",
        "sys.modules['torch'].__version__ = '2.3.0'",
        "import images, problems",
        "problems.require_torch()",
        "print('imported')",
        "try: images.Preparation({}, [1, 3, 224, 224], types.SimpleNamespace(augment='auto', flip=True, erase=0, rand_augment=0))",
        "except problems.Problem as problem: print(problem.message, '|', problem.hint)",
        "try: problems.require_torch(images=True)",
        "except problems.Problem as problem: print(problem.message)",
      ].join("\n"),
    );
    const run = await runPython(python?.path ?? "python3", [script]);
    expect(run.stderr).toBe("");
    const [imported, crop] = run.stdout.trim().split("\n");
    expect(imported).toBe("imported");
    expect(crop).toContain("has no torchvision");
    expect(run.stdout).toContain("has no PIL");
  });

  test("a Python without PyTorch is told what to install", async () => {
    const script = join(folder, "problem.py");
    const template = join(packageRoot(), "src", "pytorch", "template");
    writeFileSync(
      script,
      [
        "import sys",
        `sys.path.insert(0, ${JSON.stringify(template)})`,
        "import problems, importlib.abc",
        "class Hide(importlib.abc.MetaPathFinder):",
        "    def find_spec(self, name, path, target=None):",
        "        if name == 'torch': raise ImportError('hidden')",
        "sys.meta_path.insert(0, Hide())",
        "try: problems.require_torch()",
        "except problems.Problem as problem: problem.tell(); sys.exit(problem.code)",
      ].join("\n"),
    );
    const run = await runPython(python?.path ?? "python3", [script]);
    expect(run.code).toBe(3);
    expect(run.stderr).toContain("has no torch");
    expect(run.stderr).toContain("pip install -r requirements.txt");
  });
});
