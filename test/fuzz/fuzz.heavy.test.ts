import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, describe, expect, test } from "vitest";
import { InputError, UsageError } from "../../src/core/errors.ts";
import { randomFrom } from "../../src/core/random.ts";
import { openDataset } from "../../src/data/dataset.ts";
import { parseForm } from "../../src/formulation/limits/parse.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { TRANSFORMERS } from "../helpers/transformers.ts";
import { mutatedBytes } from "./mutate/bytes.ts";
import { mutatedJson } from "./mutate/json.ts";
import { mutatedMessage } from "./mutate/protobuf.ts";
import { runTarget } from "./run-target.ts";
import { TARGETS } from "./targets.ts";
import { faultOf, inputAt } from "./try-input.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-fuzz-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("a run finds a reader that throws, crashes, hangs, takes memory or fails where nobody waits, and goes on behind each", async () => {
  const keep = join(folder, "kept");
  // A process begins with what its parent had at most; that must hide nothing.
  const held = Buffer.alloc(500 * 2 ** 20, 1);
  // With this seed the first seven inputs are one of each kind.
  const run = {
    target: "sabotaged",
    seed: 26,
    from: 0,
    count: 7,
    seconds: 300,
    ...{ hangSeconds: 4, mostMegabytes: 200 },
    keep,
  };
  const { tried, findings } = await runTarget(run);
  expect(held.at(-1)).toBe(1);
  expect(tried).toBe(7);
  const kinds = findings.map(
    ({ kind, what }) => `${kind} ${/^[A-Za-z]*Error|SIGSEGV|MB|no end/.exec(what)?.[0] ?? what}`,
  );
  expect(kinds.sort()).toEqual(
    [
      "crash SIGSEGV",
      "error Error",
      "error InternalError",
      "error TypeError",
      "hang no end",
      "memory MB",
    ].sort(),
  );
  const thrown = findings.find(({ what }) => what.startsWith("TypeError"));
  expect([...readFileSync(join(keep, `sabotaged-26-${thrown?.index}.bin`))]).toEqual([1]);
  expect(
    existsSync(
      join(keep, `sabotaged-26-${findings.find(({ kind }) => kind === "hang")?.index}.bin`),
    ),
  ).toBe(true);
});

describe("mutators", () => {
  const text = JSON.stringify({
    list: [1, { a: "b" }],
    name: "text",
    more: { deep: [null, true] },
  });
  const bytes = new TextEncoder().encode(text);

  test("the same random source gives the same input, and the right one is left as it was", () => {
    const make = (seed: number): string =>
      Buffer.from(mutatedBytes(Buffer.from(bytes), randomFrom(seed))).toString("hex");
    expect(make(1)).toBe(make(1));
    expect(Buffer.from(bytes).toString()).toBe(text);
  });

  test("JSON stays JSON but for numbers beyond it and a mark before it, and nearly always changes", () => {
    const random = randomFrom(2);
    let changed = 0;
    for (let round = 0; round < 300; round += 1) {
      const made = mutatedJson(text, random);
      expect(() => JSON.parse(made.replace(/^\ufeff/, "")) as unknown).not.toThrow();
      if (made !== text) changed += 1;
    }
    expect(changed).toBeGreaterThan(250);
  });

  test("fields of a message change, and what is written reads as a message again", async () => {
    const reader = await (await TARGETS["onnx"]?.())?.open(folder);
    const random = randomFrom(3);
    const input = reader?.input(random).bytes ?? new Uint8Array();
    const once = mutatedMessage(input, random);
    expect(once === null ? null : mutatedMessage(once, random)).not.toBeNull();
  });
});

test("inputs depend on seed and number alone, and readers take or refuse them", async () => {
  for (const name of ["subnet", "options", "checkpoint"]) {
    const place = join(folder, name);
    mkdirSync(place);
    const reader = await (await TARGETS[name]?.())?.open(place);
    if (reader === undefined) throw new Error(`no target '${name}'`);
    for (let index = 0; index < 60; index += 1) {
      const input = inputAt(reader, name, 1, index);
      expect(inputAt(reader, name, 1, index).bytes).toEqual(input.bytes);
      expect(
        await faultOf(reader, input),
        `npm run fuzz -- --target ${name} --seed 1 --from ${index} --count 1`,
      ).toBeNull();
    }
  }
});

describe("what fuzzing found is refused with a clear error", () => {
  const images = join(folder, "coco", "images");
  test.each([
    ["an image without a name", { images: [{ id: 1 }] }],
    ["a box that is no list", { annotations: [{ image_id: 1, category_id: 1, bbox: 4 }] }],
    ["an entry that is null", { categories: [null] }],
  ])("COCO: %s", async (_, wrong) => {
    mkdirSync(images, { recursive: true });
    const background = { r: 0, g: 0, b: 0 };
    const picture = sharp({ create: { width: 4, height: 4, channels: 3, background } });
    writeFileSync(join(images, "1.png"), await picture.png().toBuffer());
    const right = {
      images: [{ id: 1, file_name: "1.png" }],
      categories: [{ id: 1, name: "a" }],
      annotations: [],
    };
    writeFileSync(join(folder, "coco", "boxes.json"), JSON.stringify({ ...right, ...wrong }));
    const set = join(folder, "coco", "set.json");
    const target = { from: "boxes", path: "boxes.json", format: "coco" };
    const inputs = { "": { from: "images", path: "images", size: 4 } };
    writeFileSync(set, JSON.stringify({ schema: "mdp-dataset/2", inputs, target }));
    await expect(openDataset(set)).rejects.toThrow(InputError);
  });
});

test.each([2 ** 31, 2 ** 40])(
  "an input declared with an axis of %s elements is refused, not held",
  (extent) => {
    const graph = TRANSFORMERS.computedSizes();
    const inputs = graph.inputs.map((value) => ({ ...value, shape: [extent, 5, 5] }));
    expect(() => findStructure({ ...graph, inputs })).toThrow(
      expect.objectContaining({ code: "structure/axis-too-long" }) as Error,
    );
  },
);

test.each([
  ["signs", "+".repeat(2500)],
  ["terms", `${Array.from({ length: 3000 }, () => "params").join(" + ")} <= 1`],
  ["brackets", `${"(".repeat(500)}params${")".repeat(500)} <= 1`],
])("a limit of thousands of %s is a usage error", async (_, text) => {
  await expect(parseForm({ option: "--minimize", text })).rejects.toThrow(UsageError);
});
