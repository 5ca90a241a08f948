import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { writeJson } from "../../../src/core/files.ts";
import { randomFrom } from "../../../src/core/random.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import { readModel } from "../../../src/onnx/read.ts";
import { writeModel } from "../../../src/onnx/write.ts";
import { PRUNE_DEFAULTS, pruneModel } from "../../../src/pipeline/prune/prune-model.ts";
import { runContext } from "../../../src/pipeline/run-context.ts";
import { macCount } from "../../../src/structure/counts.ts";
import { findStructure } from "../../../src/structure/find-structure.ts";
import { imageTower, textTower } from "../../helpers/dual-encoders.ts";

const SAMPLES = 48;

/** Two files, and pairs for them: numbers of pictures, and tokens. */
function folder(): string {
  const at = mkdtempSync(join(tmpdir(), "pair-"));
  writeModel(modelOf(imageTower({ unit: "l2" })), join(at, "image.onnx"));
  writeModel(modelOf(textTower({ unit: "l2" })), join(at, "text.onnx"));
  const random = randomFrom(8);
  const pixels = Float32Array.from({ length: SAMPLES * 192 }, () => random.normal());
  const tokens = BigInt64Array.from({ length: SAMPLES * 5 }, () => BigInt(random.integer(11)));
  writeFileSync(join(at, "pixels.bin"), new Uint8Array(pixels.buffer));
  writeFileSync(join(at, "tokens.bin"), new Uint8Array(tokens.buffer));
  writeJson(join(at, "pairs.json"), {
    schema: "mdp-dataset/2",
    inputs: {
      pixel_values: { from: "array", path: "pixels.bin", dtype: "float32", shape: [3, 8, 8] },
      input_ids: { from: "array", path: "tokens.bin", dtype: "int64", shape: [5] },
    },
  });
  return at;
}

test("two files go through the whole pipeline as one and come out as two, smaller and of one width", async () => {
  const at = folder();
  const summary = await pruneModel(
    {
      ...PRUNE_DEFAULTS,
      ...{ model: join(at, "image.onnx"), second: join(at, "text.onnx"), out: join(at, "run") },
      ...{
        data: join(at, "pairs.json"),
        pairs: "image_embeds,text_embeds",
        device: "jetson",
        budget: "none",
        images: 16,
      },
      ...{ limit: ["macs <= 60%", "damage('similarities') <= 300%"], rebase: false, step: 1 },
    },
    {},
    runContext(),
  );
  const [image, text] = summary.parts ?? [];
  expect(summary.solve.limits?.map(({ text: limit }) => limit)).toEqual([
    "macs <= 60%",
    "damage('similarities') <= 300%",
  ]);
  expect(image?.width).toBe(text?.width);
  const macs = (path: string): number => macCount(findStructure(readModel(path).graph));
  const before = macs(join(at, "image.onnx")) + macs(join(at, "text.onnx"));
  const after = macs(image?.file ?? "") + macs(text?.file ?? "");
  expect(after).toBeLessThan(0.65 * before);
  // Judged by the embeddings, although they are no outputs of the joined network.
  expect(summary.eval.task?.name).toBe("retrieval");
  expect(summary.eval.results.map(({ metrics }) => metrics?.[0]?.name)).toContain(
    "R@1 left to right",
  );
});
