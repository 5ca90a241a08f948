import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../../src/core/errors.ts";
import { writeJson } from "../../src/core/files.ts";
import { randomFrom } from "../../src/core/random.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { readModel } from "../../src/onnx/read.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { parameterCount } from "../../src/structure/counts.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { randomSubnet } from "../../src/subnet/random-subnet.ts";
import { unitCounts } from "../../src/subnet/subnet.ts";
import { subnetJson } from "../../src/subnet/subnet-file.ts";
import { mdpSync as mdp } from "../helpers/cli.ts";
import { bottleneckResnet, flattenVgg } from "../helpers/networks.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-cli-"));
const network = join(folder, "net.onnx");
const subnetFile = join(folder, "subnet.json");
const structure = findStructure(bottleneckResnet());
const subnet = randomSubnet(structure, randomFrom(2), { minKept: 0.3 });

beforeAll(() => {
  writeModel(modelOf(bottleneckResnet()), network);
  writeJson(subnetFile, subnetJson(structure, subnet));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("mdp inspect lists dims, and writes the structure", () => {
  const out = join(folder, "structure.json");
  const { status, stdout } = mdp("inspect", network, "--out", out);
  expect(status).toBe(EXIT.done);
  expect(stdout).toContain("layer1.1.conv2");
  expect(stdout).toContain("feeds the network's output");
  const document: unknown = JSON.parse(readFileSync(out, "utf8"));
  expect(document).toMatchObject({
    schema: "mdp-structure/1",
    parameters: parameterCount(structure),
  });
});

test("mdp export writes the smaller network and says how it was proven", () => {
  const out = join(folder, "smaller.onnx");
  const { status, stdout } = mdp("export", network, "--subnet", subnetFile, "--out", out, "--json");
  expect(status).toBe(EXIT.done);
  const { after, proof } = JSON.parse(stdout) as {
    after: { parameters: number };
    proof: { maxRelative: number };
  };
  expect(proof.maxRelative).toBeLessThanOrEqual(1e-5);
  const kept = { ...subnet, units: unitCounts(subnet) };
  expect(after.parameters).toBe(parameterCount(structure, kept));
  expect(parameterCount(findStructure(readModel(out).graph))).toBe(after.parameters);
});

test("mdp export refuses the subnet of another network with exit 3, and writes nothing", () => {
  const other = join(folder, "other.onnx");
  const out = join(folder, "nothing.onnx");
  writeModel(modelOf(flattenVgg()), other);
  const { status, stderr } = mdp("export", other, "--subnet", subnetFile, "--out", out);
  expect(status).toBe(EXIT.input);
  expect(stderr).toContain("made for another network");
  expect(existsSync(out)).toBe(false);
});

test("mdp export does not overwrite the network it reads", () => {
  const { status } = mdp("export", "--model", network, "--subnet", subnetFile, "--out", network);
  expect(status).toBe(EXIT.usage);
});
