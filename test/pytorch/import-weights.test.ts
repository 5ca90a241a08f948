import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeEach, expect, test } from "vitest";
import { writeJson } from "../../src/core/files.ts";
import { floatsOf, floatTensor, intTensor, tensorFromBytes } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { importWeights } from "../../src/pytorch/import/import-weights.ts";
import { writeCheck } from "../../src/pytorch/project/check-file.ts";
import { checkFileOf, type Project } from "../../src/pytorch/project/project-file.ts";
import { sparseParameters } from "../../src/pytorch/project/sparse-parameters.ts";
import { openModel } from "../../src/runtime/open-model.ts";
import { openSession } from "../../src/runtime/session.ts";
import {
  filled,
  handmadeProject,
  parameterOf,
  saveCheck,
  saveWeights,
  sharedBias,
  trainedWeights,
} from "../helpers/exported-project.ts";
import { slicePadResnet } from "../helpers/networks.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-import-weights-"));
const weights = join(folder, "run", "best.safetensors");
const network = slicePadResnet();
let project: Project;

beforeEach(() => {
  rmSync(folder, { recursive: true, force: true });
  project = handmadeProject(folder, network);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("trained weights go into the ONNX, which gives what the module gave", async () => {
  const tensors = trainedWeights(project, network);
  // PyTorch's counters don't matter.
  tensors.set("stem.bn.num_batches_tracked", intTensor([], [7]));
  saveWeights(weights, project, tensors, { epoch: "12", top1: "92.31" });
  await saveCheck(weights, network, tensors);
  const { model, checked, metadata } = await importWeights(folder);
  expect(checked).toEqual({ maxRelative: 0, limit: 1e-4, images: 2 });
  expect(metadata).toMatchObject({ epoch: "12", top1: "92.31" });
  for (const [name, tensor] of model.graph.initializers) {
    const wanted = tensors.get(name) ?? network.initializers.get(name);
    expect(Buffer.compare(tensor.bytes(), wanted?.bytes() ?? Buffer.alloc(0))).toBe(0);
  }
});

test("weights that did not change give the same file, byte for byte", async () => {
  saveWeights(weights, project, trainedWeights(project, network, 1));
  const { model, checked } = await importWeights(folder);
  expect(checked).toBeNull();
  const out = join(folder, "same.onnx");
  writeModel(model, out);
  expect(readFileSync(out).equals(readFileSync(join(folder, "network.onnx")))).toBe(true);
});

test("the last weights are taken where there are no best ones, and doubles as float32", async () => {
  const tensors = trainedWeights(project, network);
  const [name, tensor] = [...tensors][0] ?? [];
  if (name === undefined || tensor === undefined) throw new RangeError("no tensors");
  const wide = Float64Array.from(floatsOf(tensor));
  tensors.set(name, tensorFromBytes("float64", tensor.shape, new Uint8Array(wide.buffer)));
  const last = join(folder, "run", "last.safetensors");
  saveWeights(last, project, tensors);
  const { model, weights: taken } = await importWeights(folder);
  expect(taken).toBe(last);
  const found = model.graph.initializers.get(name);
  expect(found && [...floatsOf(found)]).toEqual([...floatsOf(tensor)]);
});

test("tensors that the file stores once are trained apart, and a matrix is turned back", async () => {
  const graph = sharedBias();
  project = handmadeProject(folder, graph, (plain) => [
    ...plain.filter(({ key }) => key !== "fc"),
    parameterOf("fc", [5, 4], { key: "fc.weight", change: "transpose" }),
    parameterOf("conv2.bias", [4]),
  ]);
  const rows = Array.from({ length: 20 }, (_, index) => index);
  const tensors = trainedWeights(project, graph)
    .set("fc.weight", floatTensor([5, 4], rows))
    .set("conv2.bias", floatTensor([4], [1, 2, 3, 4]));
  saveWeights(weights, project, tensors);
  const { model } = await importWeights(folder);
  const held = (name: string): number[] => {
    const tensor = model.graph.initializers.get(name);
    return tensor === undefined ? [] : [...floatsOf(tensor)];
  };
  expect(held("conv2.bias")).toEqual([1, 2, 3, 4]);
  expect(held("conv1.bias")[0]).toBeCloseTo(1.25 * Math.sin(1));
  expect(held("fc").slice(0, 5)).toEqual([0, 4, 8, 12, 16]);
  const out = join(folder, "untied.onnx");
  writeModel(model, out);
  await (await openSession(out)).close();
});

test("a check on more images than a network with a fixed batch runs is run in parts", async () => {
  const inputs = network.inputs.map((value) => ({ ...value, shape: [2, 3, 12, 12] }));
  const graph = { ...network, inputs };
  project = handmadeProject(folder, graph);
  const tensors = trainedWeights(project, graph);
  saveWeights(weights, project, tensors);
  const pixels = Float32Array.from({ length: 4 * 432 }, (_, index) => Math.cos(index));
  const session = await openModel(modelOf(filled(network, tensors)));
  const images = { type: "float32", shape: [4, 3, 12, 12], data: pixels } as const;
  const [output] = Object.values(await session.run({ input: images }));
  await session.close();
  if (output?.type !== "float32") throw new RangeError("no floats");
  const outputs = [floatTensor(output.shape, output.data)];
  const check = { inputs: [floatTensor(images.shape, pixels)], outputs, weights: null };
  writeCheck(checkFileOf(weights), check);
  const { checked } = await importWeights(folder);
  expect(checked).toMatchObject({ images: 4 });
  expect(checked?.maxRelative).toBeLessThan(1e-5);
});

test("zeros of sparse weights are counted by their places: all there, or how many training has lost", async () => {
  const [name = "", tensor] =
    [...network.initializers].find(([, { shape }]) => shape.length === 4) ?? [];
  if (tensor === undefined) throw new RangeError("no convolution");
  const sparse = floatTensor(
    tensor.shape,
    floatsOf(tensor).map((value, at) => (at % 3 === 0 ? value : 0)),
  );
  const graph = { ...network, initializers: new Map(network.initializers).set(name, sparse) };
  project = handmadeProject(folder, graph);
  const { parameters } = project;
  const zeros = sparseParameters(graph, parameters);
  const count = floatsOf(sparse).filter((value) => value === 0).length;
  expect(zeros).toEqual([{ key: name, zeros: count }]);
  writeJson(join(folder, "project.json"), { ...project, zeros });
  const tensors = trainedWeights(project, graph);
  const kept = floatsOf(sparse).map((value) => 2 * value);
  saveWeights(weights, project, tensors.set(name, floatTensor(tensor.shape, kept)));
  expect((await importWeights(folder)).zeros).toEqual({ kept: count, of: count });
  // A weight that was kept becoming zero makes up for none that is gone.
  const moved = Float32Array.from(kept, (value, at) => (at === 1 ? 0.5 : at === 0 ? 0 : value));
  saveWeights(weights, project, tensors.set(name, floatTensor(tensor.shape, moved)));
  expect((await importWeights(folder)).zeros).toEqual({ kept: count - 1, of: count });
});

test("a dense network's project lists no zeros, even where a few occur", () => {
  expect(sparseParameters(network, project.parameters)).toEqual([]);
});
