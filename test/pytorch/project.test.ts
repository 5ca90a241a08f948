import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { EXIT, VerificationError } from "../../src/core/errors.ts";
import { sha256 } from "../../src/core/files.ts";
import { randomFrom } from "../../src/core/random.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { floatsOf, floatTensor, tensorFromBytes } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { exportProject } from "../../src/pipeline/export/export-project.ts";
import { openNetwork } from "../../src/pipeline/open/network.ts";
import { runContext } from "../../src/pipeline/run-context.ts";
import { importWeights } from "../../src/pytorch/import/import-weights.ts";
import { readCheck } from "../../src/pytorch/project/check-file.ts";
import { projectText, readProject } from "../../src/pytorch/project/project-file.ts";
import { templateFiles } from "../../src/pytorch/project/template.ts";
import { type ProjectSource, writeProject } from "../../src/pytorch/project/write-project.ts";
import { runPython } from "../../src/pytorch/python.ts";
import { readSafetensors } from "../../src/pytorch/safetensors/read.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { cutGraph } from "../../src/subnet/cut.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { keepAll } from "../../src/subnet/subnet.ts";
import { subnetJson } from "../../src/subnet/subnet-file.ts";
import { mdpSync } from "../helpers/cli.ts";
import { bottleneckResnet, slicePadResnet } from "../helpers/networks.ts";
import { torchPython } from "../helpers/torch.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-project-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const torch = await torchPython();

/** A pruned network, ready to be written as a project. */
function pruned(graph: Graph, seed: number): ProjectSource {
  const structure = findStructure(graph);
  const subnet = randomSubnet(structure, randomFrom(seed), { minKept: 0.4 });
  return {
    name: "small-net",
    version: "0.1.0",
    model: modelOf(graph),
    modelHash: sha256("the file"),
    structure,
    subnet,
    cut: cutGraph(structure, subnet),
    subnetFile: Buffer.from(JSON.stringify(subnetJson(structure, subnet))),
    data: { path: "/data/photos", size: 12, mean: [0.5], std: [0.25], classes: ["a", "b"] },
    seed: 1,
  };
}

const OWN_FILES = [
  ...["README.md", "network.onnx", "network.py", "project.json", "requirements.txt"],
  ...["scored.json", "subnet.json", "teacher.check.safetensors", "teacher.py"],
  ...["teacher.safetensors", "weights.check.safetensors", "weights.safetensors"],
];

test("a project is a folder with modules, weights, the ONNX, and the training script as it is", async () => {
  const source = pruned(bottleneckResnet(), 3);
  const path = join(folder, "project");
  const { student, teacher } = await writeProject(path, source);
  const template = templateFiles();
  expect(template.map(({ name }) => name)).toContain("train.py");
  expect(readdirSync(path).sort()).toEqual(
    [...OWN_FILES, ...template.map(({ name }) => name)].sort(),
  );
  for (const { name, bytes } of template) {
    expect(readFileSync(join(path, name)).equals(bytes), name).toBe(true);
  }
  const project = readProject(path);
  const hash = (name: string): string => sha256(readFileSync(join(path, name)));
  expect(project).toMatchObject({
    schema: "mdp-pytorch/1",
    task: "classification",
    classes: 5,
    input: { name: "input", shape: [null, 3, 12, 12] },
    hashes: {
      source: source.modelHash,
      subnet: hash("subnet.json"),
      onnx: hash("network.onnx"),
      weights: hash("weights.safetensors"),
      teacher: hash("teacher.safetensors"),
    },
  });
  // Where the data lie is another place where it is trained.
  expect(project.data).toEqual({ size: 12, mean: [0.5], std: [0.25], classes: ["a", "b"] });
  const { tensors, metadata } = readSafetensors(join(path, "weights.safetensors"));
  expect(metadata["network"]).toBe(project.hashes.onnx);
  expect([...tensors.keys()].sort()).toEqual(student.parameters.map(({ key }) => key).sort());
  const check = readCheck(join(path, "weights.check.safetensors"));
  expect([check.weights, check.outputs[0]?.shape]).toEqual([project.hashes.weights, [2, 5]]);
  const kept = project.features.map((feature) => feature.kept);
  expect(kept.some((channels) => channels !== null)).toBe(true);
  const readme = readFileSync(join(path, "README.md"), "utf8");
  for (const [name] of readme.matchAll(/\b\w+\.(?:py|slurm|onnx|txt|json)\b/g)) {
    if (!name.endsWith("trained.onnx")) expect(existsSync(join(path, name)), name).toBe(true);
  }
  expect(teacher.lines).toBeGreaterThan(0);

  const again = join(folder, "again");
  await writeProject(again, source);
  for (const name of OWN_FILES) {
    expect(readFileSync(join(again, name)).equals(readFileSync(join(path, name))), name).toBe(true);
  }
});

test("weights of an export that nobody trained come back as the file that was exported", async () => {
  const path = join(folder, "back");
  await writeProject(path, pruned(slicePadResnet(), 5));
  const weights = join(path, "weights.safetensors");
  const { checked, model } = await importWeights(path, { weights });
  // Compared with what the export has written beside its weights.
  expect(checked).toMatchObject({ maxRelative: 0 });
  for (const [name, tensor] of model.graph.initializers) {
    const exported = pruned(slicePadResnet(), 5).cut.initializers.get(name);
    expect(Buffer.compare(tensor.bytes(), exported?.bytes() ?? Buffer.alloc(0)), name).toBe(0);
  }
});

test("weights of another subnet are refused, though it is the same network", async () => {
  const [one, other] = [join(folder, "one"), join(folder, "other")];
  await writeProject(one, pruned(bottleneckResnet(), 11));
  await writeProject(other, pruned(bottleneckResnet(), 12));
  const weights = join(other, "weights.safetensors");
  await expect(importWeights(one, { weights })).rejects.toMatchObject({
    code: "pytorch/other-network",
  });
});

test("lists of numbers stand on one line, names that look like lists stay as they are", () => {
  const text = projectText({ name: 'w[0,1] "[2,3]"', shape: [4, 4, null] } as never);
  expect(JSON.parse(text)).toEqual({ name: 'w[0,1] "[2,3]"', shape: [4, 4, null] });
  expect(text).toContain('"shape": [4, 4, null]');
});

test("a network that is no classifier is exported, and its README says which script trains it", async () => {
  const graph = slicePadResnet();
  // Two outputs: the class scores, and what goes into the last layer.
  const inner = graph.nodes.at(-1)?.inputs[0] ?? "";
  const two = { ...graph, outputs: [...graph.outputs, { name: inner, type: null, shape: null }] };
  const structure = findStructure(two);
  const path = join(folder, "two");
  const source = {
    ...pruned(graph, 1),
    ...{ model: modelOf(two), structure, subnet: keepAll(structure), cut: two },
    ...{ subnetFile: null, data: null },
  };
  await writeProject(path, source);
  expect(readProject(path)).toMatchObject({ task: "other", loss: null, classes: null });
  expect(readFileSync(join(path, "README.md"), "utf8")).toContain("train_samples.py --data");
  expect(existsSync(join(path, "subnet.json"))).toBe(false);
  expect(readCheck(join(path, "weights.check.safetensors")).outputs).toHaveLength(2);
});

test("weights in halves are refused before anything is written", async () => {
  const graph = slicePadResnet();
  const half = tensorFromBytes("float16", [5], new Uint8Array(10));
  const initializers = new Map(graph.initializers).set("fc.bias", half);
  const source = {
    ...pruned(graph, 1),
    structure: { ...findStructure(graph), graph: { ...graph, initializers } },
  };
  const refusal = {
    code: "pytorch/unsupported-type",
    message: expect.stringContaining("'fc.bias'"),
  };
  await expect(writeProject(join(folder, "half"), source)).rejects.toMatchObject(refusal);
  expect(existsSync(join(folder, "half"))).toBe(false);
});

test("a project whose modules are found wrong is not there at all", async () => {
  const wrong = new VerificationError({ code: "pytorch/modules-differ", message: "They differ." });
  const path = join(folder, "wrong");
  const refused = writeProject(path, pruned(bottleneckResnet(), 3), async (temporary) => {
    expect(readdirSync(temporary)).toContain("train.py");
    throw wrong;
  });
  await expect(refused).rejects.toBe(wrong);
  expect(readdirSync(folder).filter((name) => name.includes("wrong"))).toEqual([]);
});

const TRAIN_A_STEP = `
import hashlib, torch, safetensors_io
from network import build
network = build()
network.load_state_dict(safetensors_io.load("weights.safetensors")[0], strict=False)
torch.manual_seed(1)
optimizer = torch.optim.SGD(network.train().parameters(), lr=0.05)
images = torch.randn(16, 3, 12, 12)
for _ in range(3):
    optimizer.zero_grad()
    torch.nn.functional.cross_entropy(network(images), torch.arange(16) % 5).backward()
    optimizer.step()
safetensors_io.save("step.safetensors", network.state_dict(), {"schema": "mdp-weights/1"})
with torch.no_grad():
    outputs = network.eval()(images)
digest = hashlib.sha256(open("step.safetensors", "rb").read()).hexdigest()
check = {"schema": "mdp-check/1", "weights": digest}
safetensors_io.save("step.check.safetensors", {"input": images, "output": outputs}, check)
`;

test.skipIf(torch === null)(
  "a module that PyTorch has trained comes back as an ONNX with the same outputs",
  async () => {
    const path = join(folder, "trained");
    await writeProject(path, pruned(bottleneckResnet(), 3));
    writeFileSync(join(path, "step.py"), TRAIN_A_STEP);
    const { code, stderr } = await runPython(torch?.path ?? "", ["step.py"], { cwd: path });
    expect([code, stderr]).toEqual([0, ""]);
    const { checked, model } = await importWeights(path, {
      weights: join(path, "step.safetensors"),
    });
    expect(checked).toMatchObject({ images: 16 });
    expect(checked?.maxRelative).toBeLessThan(1e-5);
    const before = pruned(bottleneckResnet(), 3).cut.initializers;
    const same = [...model.graph.initializers].filter(
      ([name, tensor]) =>
        Buffer.compare(tensor.bytes(), before.get(name)?.bytes() ?? Buffer.alloc(0)) === 0,
    );
    // Weights and running statistics have moved, all of them.
    expect(same).toEqual([]);
  },
  120_000,
);

test("mdp export --to pytorch refuses a folder that holds something, and an ONNX without a subnet", () => {
  const path = join(folder, "taken");
  mkdirSync(path);
  writeFileSync(join(path, "notes.txt"), "mine");
  const taken = mdpSync("export", "--to", "pytorch", "--out", path);
  expect([taken.status, taken.stderr]).toEqual([
    EXIT.input,
    expect.stringContaining("holds 1 entry"),
  ]);
  expect(readdirSync(path)).toEqual(["notes.txt"]);
  const none = mdpSync("export", "--out", join(folder, "none.onnx"));
  expect([none.status, none.stderr]).toEqual([EXIT.usage, expect.stringContaining("--subnet")]);
});

test("a sparse network is taught by the dense one of the same structure, and by no other", async () => {
  const dense = slicePadResnet();
  const values = new Map(dense.initializers);
  for (const [name, tensor] of dense.initializers) {
    if (tensor.shape.length !== 4) continue;
    const zeroed = Float32Array.from(floatsOf(tensor), (value, at) => (at % 2 === 0 ? 0 : value));
    values.set(name, floatTensor(tensor.shape, zeroed));
  }
  const path = (name: string): string => join(folder, name);
  writeModel(modelOf(dense), path("dense.onnx"));
  writeModel(modelOf({ ...dense, initializers: values }), path("sparse.onnx"));
  writeModel(modelOf(bottleneckResnet()), path("other.onnx"));
  const open = await openNetwork(path("sparse.onnx"));
  const subnet = keepAll(open.structure);
  const asked = { subnet, subnetFile: undefined, dataConfig: undefined, seed: 1 };
  const request = { ...asked, cut: open.model.graph, teacher: path("dense.onnx") };
  const out = path("taught");
  await exportProject(open, { ...request, out }, runContext());
  const nonzeros = (file: string): number =>
    [...readSafetensors(join(out, file)).tensors.values()].reduce(
      (sum, tensor) => sum + floatsOf(tensor).filter((value) => value !== 0).length,
      0,
    );
  expect(nonzeros("teacher.safetensors")).toBeGreaterThan(1.3 * nonzeros("weights.safetensors"));
  expect(readFileSync(join(out, "README.md"), "utf8")).toContain("the teacher is 'dense'");
  const other = { ...request, out: path("other"), teacher: path("other.onnx") };
  await expect(exportProject(open, other, runContext())).rejects.toThrowError(
    expect.objectContaining({ code: "pytorch/teacher-differs", exitCode: EXIT.input }),
  );
});
