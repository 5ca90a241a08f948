import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../../src/core/errors.ts";
import { readTable } from "../../src/latency/table.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { mdp } from "../helpers/cli.ts";
import { slicePadResnet } from "../helpers/networks.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-cli-boards-"));
const BOARD = ["--remote-node", process.execPath, "--remote-modules", process.cwd()];
const SMALL = ["--runs", "2", "--repeats", "5", "--step", "4"];

beforeAll(() => {
  writeModel(modelOf(slicePadResnet()), join(folder, "net.onnx"));
  const home = join(folder, "home");
  mkdirSync(home);
  // A stand-in for ssh: the board "near" is this machine with another home folder, all others are off.
  const off = `echo "ssh: connect to host: Connection refused" >&2; exit 255`;
  const script = `for word do case "$word" in near) near=1;; esac; done\n[ -n "$near" ] || { ${off}; }\ncd '${home}' && HOME='${home}' exec sh -c "$word"\n`;
  writeFileSync(join(folder, "ssh"), `#!/bin/sh\n${script}`, { mode: 0o755 });
  process.env["MDP_SSH"] = join(folder, "ssh");
});
afterAll(() => {
  delete process.env["MDP_SSH"];
  rmSync(folder, { recursive: true });
});

test("mdp profile measures on one board though another is off, and says so", async () => {
  const hosts = ["--host", "near", "--host", "far.local"];
  const args = ["profile", "net.onnx", ...hosts, ...BOARD, ...SMALL, "--json"];
  const { code, stdout } = await mdp(args, folder);
  expect(code).toBe(EXIT.input);
  const { schema, boards } = JSON.parse(stdout);
  expect(schema).toBe("mdp-profiles/1");
  expect(boards).toMatchObject([
    { name: "near", runner: "onnxruntime-node", resumed: 0 },
    { name: "far-local", error: { code: "remote/unreachable" } },
  ]);
  const path = join(folder, "latency-tables/near/net-b1-onnxruntime.json");
  expect(readTable(path)).toMatchObject({ device: { name: "near" }, runs: 2 });
});

test("mdp doctor --host says what a board has, and one that is off is an error", async () => {
  const near = await mdp(["doctor", "--host", "near", ...BOARD, "--json"], folder);
  expect(near.code).toBe(EXIT.done);
  const [board] = JSON.parse(near.stdout).boards;
  expect(board.findings).toContainEqual(expect.objectContaining({ what: "onnxruntime-node" }));
  const far = await mdp(["doctor", "--host", "far"], folder);
  expect(far.code).toBe(EXIT.input);
  expect(far.stderr).toContain("Connection refused");
});

test("options of a board without one are refused: another runtime would be measured quietly", async () => {
  for (const args of [
    ["profile", "--runner", "trtexec"],
    ["profile", "--remote-trtexec", "/opt/trtexec"],
    ["doctor", "--ssh-option", "Port=2222"],
  ]) {
    const { code, stdout } = await mdp([...args, "--json"], folder);
    expect(code).toBe(EXIT.usage);
    expect(JSON.parse(stdout)).toMatchObject({ error: { code: "cli/no-host" } });
  }
});

test("a host that would be an option of ssh is refused before anything runs", async () => {
  const args = ["profile", "net.onnx", "--host=-oProxyCommand=touch owned"];
  const { code, stderr } = await mdp(args, folder);
  expect(code).toBe(EXIT.usage);
  expect(stderr).toContain("--host");
  expect(existsSync(join(folder, "owned"))).toBe(false);
});
