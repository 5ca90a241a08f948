import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../../src/core/errors.ts";
import { parseImportance } from "../../src/importance/importance.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { mdpSync as mdp } from "../helpers/cli.ts";
import { bottleneckResnet } from "../helpers/networks.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-cli-"));
const network = join(folder, "net.onnx");
const data = join(folder, "shapes");

beforeAll(() => {
  writeModel(modelOf(bottleneckResnet()), network);
  const drawn = mdp(
    "data",
    "shapes",
    "--out",
    data,
    "--size",
    "12",
    "--train",
    "10",
    "--test",
    "20",
  );
  expect(drawn.stderr).toBe("");
  expect(drawn.status).toBe(EXIT.done);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("mdp score writes what it prints with --json", () => {
  const out = join(folder, "importance.json");
  const { status, stdout } = mdp("score", network, "--method", "l1", "--out", out, "--json");
  expect(status).toBe(EXIT.done);
  const importance = parseImportance(JSON.parse(stdout), "stdout");
  expect(importance.method).toBe("magnitude-l1");
  expect(JSON.parse(readFileSync(out, "utf8"))).toEqual(importance);
});

test("mdp eval refuses labels that the network has no class for, and says how to fix it", () => {
  const { status, stderr, stdout } = mdp("eval", network, "--data", data, "--no-latency", "--json");
  expect(status).toBe(EXIT.input);
  expect(stderr).toContain("the network 5 classes");
  expect(JSON.parse(stdout).error.code).toBe("data/bad-label");
});

test("mdp eval times networks side by side, and data that is cut short is exit 3", () => {
  const { status, stdout } = mdp("eval", network, network, "--repeats", "3", "--json");
  expect(status).toBe(EXIT.done);
  const { results } = JSON.parse(stdout);
  expect(results).toHaveLength(2);
  expect(results[1].latency.medianMs).toBeGreaterThan(0);
  expect(results[1].accuracy).toBeNull();
  const cut = join(data, "test.bin");
  truncateSync(cut, 1000);
  const broken = mdp("eval", network, "--data", data);
  expect(broken.status).toBe(EXIT.input);
  expect(broken.stderr).toContain(cut);
});

test("a count that is none is a usage error and writes nothing", () => {
  const out = join(folder, "none");
  const { status, stderr } = mdp("data", "shapes", "--out", out, "--size", "2.5");
  expect(status).toBe(EXIT.usage);
  expect(stderr).toContain("--size");
  expect(existsSync(out)).toBe(false);
});
