import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { EXIT } from "../../src/core/errors.ts";
import { writeJson } from "../../src/core/files.ts";
import { floatTensor, intTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { readModel } from "../../src/onnx/read.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { importWeights } from "../../src/pytorch/import/import-weights.ts";
import { writeCheck } from "../../src/pytorch/project/check-file.ts";
import { checkFileOf, type Project } from "../../src/pytorch/project/project-file.ts";
import { writeSafetensors } from "../../src/pytorch/safetensors/write.ts";
import { mdpSync } from "../helpers/cli.ts";
import {
  handmadeProject,
  parameterOf,
  saveCheck,
  saveWeights,
  sharedBias,
  trainedWeights,
  type Weights,
} from "../helpers/exported-project.ts";
import { slicePadResnet } from "../helpers/networks.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-import-refusals-"));
const weights = join(folder, "run", "best.safetensors");
const network = slicePadResnet();
let project: Project;

beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  project = handmadeProject(folder, network);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const save = (tensors: Weights, metadata: Readonly<Record<string, string>> = {}): void =>
  saveWeights(weights, project, tensors, metadata);

/** What is wrong with the weights or the project, the code it is refused with, and the difference that is named. */
const TAMPERED: Readonly<Record<string, readonly [string, RegExp, (tensors: Weights) => void]>> = {
  "a missing key": [
    "missing-weight",
    /'layer1.0.conv2.weight' is missing/,
    (tensors) => {
      tensors.delete("layer1.0.conv2.weight");
      save(tensors);
    },
  ],
  "the state of a wrapped module": [
    "missing-weight",
    /begin with 'module\.'/,
    (tensors) => save(new Map([...tensors].map(([name, tensor]) => [`module.${name}`, tensor]))),
  ],
  "another width": [
    "other-shape",
    /'fc.weight' is \[5, 16\] and must be \[5, 32\]/,
    (tensors) => save(tensors.set("fc.weight", floatTensor([5, 16], new Float32Array(80)))),
  ],
  "a key too many": [
    "extra-weight",
    /'head.weight' is not a weight/,
    (tensors) => save(tensors.set("head.weight", floatTensor([1], [1]))),
  ],
  "integers for weights": [
    "other-type",
    /'fc.bias' is of int64/,
    (tensors) => save(tensors.set("fc.bias", intTensor([5], [1, 2, 3, 4, 5]))),
  ],
  "a NaN": [
    "bad-weight",
    /'fc.bias' holds NaN at element 3/,
    (tensors) => save(tensors.set("fc.bias", floatTensor([5], [1, 2, 3, Number.NaN, 5]))),
  ],
  "weights of another network": [
    "other-network",
    /SHA-256 ffffffffffff/,
    (tensors) => save(tensors, { network: "f".repeat(64) }),
  ],
  "a project without training": ["no-weights", /neither .*best.safetensors nor .*last/, () => {}],
  "a changed network.onnx": [
    "changed-network",
    /is not the one that was exported/,
    (tensors) => {
      save(tensors);
      writeModel(modelOf(sharedBias()), join(folder, "network.onnx"));
    },
  ],
  "another project.json": [
    "bad-project",
    /'schema'/,
    (tensors) => {
      save(tensors);
      writeJson(join(folder, "project.json"), { schema: "mdp-run/1" });
    },
  ],
  "a constant that is not there": [
    "other-constants",
    /no constant 'gone'/,
    (tensors) => {
      save(tensors.set("gone", floatTensor([1], [1])));
      const parameters = [...project.parameters, parameterOf("gone", [1])];
      writeJson(join(folder, "project.json"), { ...project, parameters });
    },
  ],
  "a check of other weights": [
    "stale-check",
    /other weights/,
    (tensors) => {
      save(tensors);
      const inputs = [floatTensor([1, 3, 12, 12], new Float32Array(432))];
      const outputs = [floatTensor([1, 5], [1, 2, 3, 4, 5])];
      writeCheck(checkFileOf(weights), { inputs, outputs, weights: "0".repeat(64) });
    },
  ],
  "a check without outputs": [
    "bad-check",
    /holds input/,
    (tensors) => {
      save(tensors);
      writeSafetensors(checkFileOf(weights), new Map([["input", floatTensor([1], [1])]]));
    },
  ],
};

test.each(Object.entries(TAMPERED))("%s is refused by its name", async (_what, tampered) => {
  const [code, message, tamper] = tampered;
  tamper(trainedWeights(project, network));
  const refusal = { code: `pytorch/${code}`, exitCode: EXIT.input };
  await expect(importWeights(folder)).rejects.toEqual(
    expect.objectContaining({ ...refusal, message: expect.stringMatching(message) }),
  );
});

test("one constant in two places must stay one", async () => {
  const second = parameterOf("fc.bias", [5], { key: "fc2.bias" });
  project = handmadeProject(folder, network, (plain) => [...plain, second]);
  const tensors = trainedWeights(project, network);
  save(tensors);
  expect((await importWeights(folder)).tensors).toBe(project.parameters.length);
  save(tensors.set("fc2.bias", floatTensor([5], [1, 2, 3, 4, 5])));
  await expect(importWeights(folder)).rejects.toMatchObject({
    code: "pytorch/untied",
    message: expect.stringContaining("'fc.bias' and 'fc2.bias'"),
  });
});

test("indices are no weights: other ones than the network's are refused", async () => {
  const [name, pads] = [...network.initializers].find(([, { type }]) => type === "int64") ?? [];
  if (name === undefined || pads === undefined) throw new RangeError("no indices");
  const indices = parameterOf(name, pads.shape, { type: "int64", buffer: true });
  const plain = trainedWeights(project, network);
  project = handmadeProject(folder, network, (all) => [...all, indices]);
  save(plain.set(name, pads));
  await importWeights(folder);
  const others = new Array<number>(pads.shape[0] ?? 0).fill(9);
  save(plain.set(name, intTensor(pads.shape, others)));
  await expect(importWeights(folder)).rejects.toMatchObject({ code: "pytorch/other-indices" });
});

test("mdp import-weights writes the network, or exits with 2, 3 or 6 and writes nothing", async () => {
  const tensors = trainedWeights(project, network);
  save(tensors);
  const out = join(folder, "trained.onnx");
  const run = (...more: string[]): ReturnType<typeof mdpSync> =>
    mdpSync("import-weights", folder, "--out", out, ...more);
  const good = run();
  expect([good.stderr, good.status]).toEqual(["", EXIT.done]);
  expect(good.stdout).toContain("not compared with the module");
  expect(readModel(out).graph.initializers.size).toBe(network.initializers.size);
  rmSync(out);

  await saveCheck(
    weights,
    network,
    new Map(tensors).set("fc.bias", floatTensor([5], [9, 9, 9, 9, 9])),
  );
  const differs = run();
  expect([differs.status, differs.stderr]).toEqual([
    EXIT.verification,
    expect.stringContaining("of the largest output"),
  ]);

  const cut = join(folder, "cut.safetensors");
  writeFileSync(cut, readFileSync(weights).subarray(0, 2000));
  const damaged = run("--weights", cut, "--json");
  expect(damaged.status).toBe(EXIT.input);
  const code = expect.stringMatching(/^safetensors\//);
  expect(JSON.parse(damaged.stdout)).toMatchObject({ error: { code } });
  expect(existsSync(out)).toBe(false);

  const over = mdpSync("import-weights", folder, "--out", join(folder, "network.onnx"));
  expect(over.status).toBe(EXIT.usage);
});
