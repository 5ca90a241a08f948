import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readFileBytes, readJson, sha256 } from "../../src/core/files.ts";
import { SILENT } from "../../src/core/progress.ts";
import { type DatasetConfig, readDatasetConfig } from "../../src/data/config.ts";
import { openDataset } from "../../src/data/dataset.ts";
import { type Classifier, evaluate } from "../../src/data/evaluate.ts";
import { writeShapeSet } from "../../src/data/shape-files.ts";
import { graphBuilder } from "../../src/graph/build.ts";
import { parseImportance } from "../../src/importance/importance.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { readModel } from "../../src/onnx/read.ts";
import { serializeModel } from "../../src/onnx/write.ts";
import { defaultNetwork } from "../../src/pipeline/open/default-network.ts";
import { openSession } from "../../src/runtime/session.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { sharedPath } from "../helpers/shared.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-evaluate-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const CONFIG: DatasetConfig = {
  format: "records",
  record: { channels: 1, height: 1, width: 8 },
  scale: 1,
};

/** One image per list: its label, then its eight pixels, which are the scores of a network that only flattens. */
async function records(name: string, images: readonly (readonly number[])[]) {
  const path = join(folder, name);
  writeFileSync(path, Buffer.from(images.flat()));
  return openDataset(path, { config: CONFIG });
}

async function flattener(
  batch: number | string,
): Promise<Classifier & { close: () => Promise<void> }> {
  const b = graphBuilder();
  b.input("x", [batch, 1, 1, 8]);
  b.output(b.node("Flatten", ["x"]), [batch, 8]);
  const session = await openSession(Buffer.concat(serializeModel(modelOf(b.graph()))));
  return { name: "flattener", session, close: session.close };
}

const IMAGES = [
  [7, 0, 0, 0, 0, 0, 0, 0, 9], // right
  [0, 1, 9, 8, 7, 6, 0, 0, 0], // fifth
  [0, 1, 9, 8, 7, 6, 5, 0, 0], // sixth
  [2, 5, 5, 5, 0, 0, 0, 0, 0], // third among equals
  [0, 5, 5, 5, 0, 0, 0, 0, 0], // first among equals
];

test("top-1 and top-5 count ranks, ties go to the lower index", async () => {
  const dataset = await records("ranks.bin", IMAGES);
  const classifier = await flattener("N");
  const [accuracy] = await evaluate([classifier], dataset, { batch: 2 });
  expect(accuracy).toEqual({ count: 5, top1: 2 / 5, top5: 4 / 5 });
  await classifier.close();
});

test("a network with a fixed batch is fed in its portions, and counts the same", async () => {
  const dataset = await records("fixed.bin", IMAGES);
  const classifiers = [await flattener("N"), await flattener(1), await flattener(2)];
  const accuracies = await evaluate(classifiers, dataset, { batch: 3 });
  expect(accuracies[1]).toEqual(accuracies[0]);
  expect(accuracies[2]).toEqual(accuracies[0]);
  for (const classifier of classifiers) await classifier.close();
});

test("a label that the network has no class for is an error", async () => {
  const dataset = await records("label.bin", [[8, 0, 0, 0, 0, 0, 0, 0, 0]]);
  const classifier = await flattener("N");
  await expect(evaluate([classifier], dataset)).rejects.toMatchObject({
    code: "data/bad-label",
    exitCode: 3,
  });
  await classifier.close();
});

test("images of another size than the network's are an error that names both", async () => {
  const path = join(folder, "cifar.bin");
  writeFileSync(path, Buffer.alloc(3073));
  const classifier = await flattener("N");
  await expect(evaluate([classifier], await openDataset(path))).rejects.toMatchObject({
    code: "data/shape-mismatch",
    message: expect.stringMatching(/\[N, 1, 1, 8\].*\[1, 3, 32, 32\]/),
  });
  await classifier.close();
});

const example = (name: string): string =>
  join(import.meta.dirname, "../../docs/examples", `${name}.json`);

// Measured by others on more images than are here, so that a few points of difference are chance.
const PUBLISHED = [
  ["cifar10_resnet20_op13_bn", "cifar10-lossless-test-a.bin", "cifar10", 0.915, 250],
  ["mobilenet_v2_1.0_224_dequant", "imagenet-samples-a.tar", "imagenet-mobilenet-tf", 0.892, 60],
  ["squeezenet1.1_imagenet", "imagenet-samples-a.tar", "imagenet-squeezenet", 0.623, 60],
  ["mnist_vit_mlde_op17", "mnist_test3000-images-idx3-ubyte", "mnist", 0.946, 500],
] as const;

for (const [model, data, config, published, limit] of PUBLISHED) {
  const modelPath = sharedPath(`models/${model}.onnx`);
  const dataPath = sharedPath(`datasets/${data}`);
  test.skipIf(modelPath === null || dataPath === null)(
    `${model} is as accurate as published (skipped without ../shared)`,
    async () => {
      const session = await openSession(modelPath ?? "");
      const options = { config: readDatasetConfig(example(config)) };
      const dataset = await openDataset(dataPath ?? "", options);
      const [accuracy] = await evaluate([{ name: model, session }], dataset, { limit });
      // Three standard deviations of a share over so many images.
      const chance = 3 * Math.sqrt((published * (1 - published)) / limit);
      expect(Math.abs((accuracy?.top1 ?? 0) - published)).toBeLessThan(chance);
      await session.close();
    },
    60_000,
  );
}

test("the embedded network is as accurate on drawn pictures as its README says", async () => {
  const path = join(folder, "drawn");
  const options = { size: 64, seed: 1, train: 0, test: 400, format: "records" } as const;
  await writeShapeSet(path, options, SILENT);
  const { model, importance } = defaultNetwork();
  const session = await openSession(model);
  const dataset = await openDataset(path, { split: "test" });
  const [accuracy] = await evaluate([{ name: model, session }], dataset);
  // 92.6 % on all 2,000; three standard deviations of a share over 400 are 3.9 %.
  expect(Math.abs((accuracy?.top1 ?? 0) - 0.926)).toBeLessThan(0.039);
  await session.close();
  // Its scores were measured on this very network, and cover every unit.
  const { dims } = findStructure(readModel(model).graph);
  const scored = parseImportance(readJson(importance), importance);
  expect(scored.networkHash).toBe(sha256(readFileBytes(model)));
  expect(scored.dims.map(({ dim, units }) => [dim, units])).toEqual(
    dims.map(({ name, size }) => [name, size]),
  );
});
