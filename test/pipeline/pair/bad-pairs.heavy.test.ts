import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../../../src/core/errors.ts";
import { writeJson } from "../../../src/core/files.ts";
import { randomFrom } from "../../../src/core/random.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import { writeModel } from "../../../src/onnx/write.ts";
import { dualEncoder, imageTower, textTower } from "../../helpers/dual-encoders.ts";
import { runHere } from "../../helpers/run-here.ts";

const folder = mkdtempSync(join(tmpdir(), "bad-pairs-"));
const at = (name: string): string => join(folder, name);
const [PAIRS, WORDS] = [8, 11];

/** Pairs of as many pictures and texts; one token is replaced by another number. */
function pairs(name: string, texts: number, token: number | null = null): void {
  const random = randomFrom(8);
  const tokens = BigInt64Array.from({ length: texts * 5 }, () => BigInt(random.integer(WORDS)));
  if (token !== null) tokens[7] = BigInt(token);
  writeFileSync(at(`${name}.bin`), new Uint8Array(tokens.buffer));
  writeJson(at(`${name}.json`), {
    schema: "mdp-dataset/2",
    inputs: {
      pixel_values: { from: "array", path: "pixels.bin", dtype: "float32", shape: [3, 8, 8] },
      input_ids: { from: "array", path: `${name}.bin`, dtype: "int64", shape: [5] },
    },
  });
}

beforeAll(() => {
  const random = randomFrom(7);
  const pixels = Float32Array.from({ length: PAIRS * 192 }, () => random.normal());
  writeFileSync(at("pixels.bin"), new Uint8Array(pixels.buffer));
  pairs("good", PAIRS);
  pairs("shorter", PAIRS - 1);
  pairs("foreign", PAIRS, WORDS);
  writeModel(modelOf(dualEncoder()), at("both.onnx"));
  writeModel(modelOf(imageTower()), at("image.onnx"));
  writeModel(modelOf(textTower()), at("text.onnx"));
  writeModel(modelOf(textTower({ embedding: 10 })), at("narrow.onnx"));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

/** Options as `name: value`; later ones take the place of earlier ones. */
function score(changes: Readonly<Record<string, string>> = {}, network = "both.onnx") {
  const options = {
    ...{ method: "cross-modal", data: at("good.json"), samples: "8", batch: "8" },
    ...{ out: at("scores.json"), ...changes },
  };
  return ["score", at(network), ...Object.entries(options).flatMap(([k, v]) => [`--${k}`, v])];
}
const files = (text: string): readonly string[] => [
  ...["prune", at("image.onnx"), at(text), "--data", at("good.json"), "--device", "jetson"],
  ...["--budget", "none", "--limit", "macs <= 60%", "--out", at("run")],
];
const train = (...options: readonly string[]): readonly string[] => [
  ...["finetune", at("both.onnx"), "--data", at("good.json"), "--flip", "none", "--crop", "0"],
  ...["--epochs", "1", "--no-validate", "--out", at("tuned"), ...options],
];

const CASES: readonly (readonly [what: string, args: readonly string[], says: RegExp])[] = [
  [
    "pairs of unequal length",
    score({ data: at("shorter.json") }),
    /has 8 samples, .* 7; they are joined row by row/,
  ],
  ["tokens outside the vocabulary", score({ data: at("foreign.json") }), /network's vocabulary/],
  ["embeddings of different widths", files("narrow.onnx"), /12.*10/],
  [
    "an output that is missing",
    score({ pairs: "image_embeds,nothing" }),
    /no output 'nothing'; it has .*'image_embeds', 'text_embeds'/,
  ],
  [
    "a pair of one output",
    score({ pairs: "image_embeds" }),
    /1 outputs? (is|are) named .*a pair is two different ones/,
  ],
  ["a batch of two to score", score({ batch: "2" }), /at least three pairs are needed/],
  [
    "a batch of one to distil",
    train("--batch", "1", "--loss", "cross-modal", "--teacher", at("both.onnx")),
    /A batch of one pair/,
  ],
  ["a batch of one to train", train("--batch", "1", "--task", "retrieval"), /A batch of one pair/],
  ["one tower", score({}, "image.onnx"), /No two outputs of one width/],
  ["one file of two", files("nothing.onnx"), /nothing\.onnx/],
  [
    "the same tower twice",
    files("image.onnx"),
    /2 inputs: .*the data gives 'pixel_values', 'input_ids'/,
  ],
];

test.each(CASES)("%s: exit 2 or 3, said, and nothing is written", async (_, args, says) => {
  const { code, text } = await runHere([...args, "--quiet"]);
  expect([EXIT.usage, EXIT.input]).toContain(code);
  expect(text.replaceAll(/\s+/g, " ")).toMatch(says);
  expect(text).toContain("fix:");
  expect(existsSync(at("scores.json"))).toBe(false);
});

test("the same pairs without a fault are scored", async () => {
  const { code } = await runHere([...score({ out: at("fine.json") }), "--quiet"]);
  expect(code).toBe(EXIT.done);
  expect(existsSync(at("fine.json"))).toBe(true);
});
