import { existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../../src/core/errors.ts";
import { writeJson } from "../../src/core/files.ts";
import { floatTensor } from "../../src/graph/tensor.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { keepAll } from "../../src/subnet/subnet.ts";
import { subnetJson } from "../../src/subnet/subnet-file.ts";
import { mdpSync as mdp } from "../helpers/cli.ts";
import { networkBuilder } from "../helpers/networks.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-cli-proof-"));
const network = join(folder, "net.onnx");
const subnet = join(folder, "subnet.json");
const out = join(folder, "smaller.onnx");

beforeAll(() => {
  // Defined on numbers above 1000 only, which nobody would guess.
  const b = networkBuilder(1);
  const shift = b.tensor("shift", floatTensor([], [1000]));
  const x = b.node("Log", [b.node("Sub", [b.input("x", [1, 2, 3, 3]), shift])]);
  const first = b.relu(b.conv("one", x, { from: 2, to: 6 }));
  b.output(b.conv("two", first, { from: 6, to: 2, bn: false }));
  writeModel(modelOf(b.graph()), network);
  const structure = findStructure(b.graph());
  const kept = structure.dims.map((dim, index) =>
    dim.pinned === null ? [0, 2, 3] : (keepAll(structure).kept[index] ?? []),
  );
  writeJson(subnet, subnetJson(structure, { ...keepAll(structure), kept }));
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

const inputs = (numbers: (at: number) => number): unknown => ({
  x: [[0, 1].map((c) => [0, 1, 2].map((y) => [0, 1, 2].map((z) => numbers(9 * c + 3 * y + z))))],
});

function exported(file?: string): ReturnType<typeof mdp> {
  const given = file === undefined ? [] : ["--proof-inputs", file];
  return mdp("export", network, "--subnet", subnet, "--out", out, ...given);
}

test("a network that no guessed inputs fit ends with exit 6 and the cure, and nothing is written", () => {
  const { status, stderr } = exported();
  expect(status).toBe(EXIT.verification);
  expect(stderr).toContain("NaN or infinite");
  expect(stderr).toContain("--proof-inputs");
  expect(existsSync(out)).toBe(false);
}, 60_000);

test("inputs of a file prove it", () => {
  const file = join(folder, "inputs.json");
  writeJson(file, [inputs((at) => 1001 + at), inputs((at) => 1100 - at * at * 0.1)]);
  const { status, stdout } = exported(file);
  expect(status).toBe(EXIT.done);
  expect(stdout).toContain(`2 inputs (${file})`);
  expect(existsSync(out)).toBe(true);
}, 60_000);

test.each([
  ["of another name", { y: [1] }],
  ["that are ragged", { x: [[[[1, 2], [3]]]] }],
  ["that are no numbers", { x: [[[["1"]]]] }],
  ["of another shape", { x: [[1, 2]] }],
  ["that are none", []],
])(
  "inputs %s are refused",
  (_name, content) => {
    const file = join(folder, "bad.json");
    writeFileSync(file, JSON.stringify(content));
    expect(exported(file).status).toBe(EXIT.input);
  },
  60_000,
);
