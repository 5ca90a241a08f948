import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { pickles } from "../authors/fixtures.ts";
import { mdp } from "../helpers/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-compare-"));
afterAll(() => rmSync(folder, { recursive: true }));

test("a pickle of solver inputs is imported, solved and compared", async () => {
  const [pickle = new Uint8Array()] = pickles("withBlocks");
  writeFileSync(join(folder, "step.pkl"), pickle);
  const imported = await mdp(["import", "step.pkl", "--out", "step.json"], folder);
  expect(imported).toMatchObject({ code: 0, stderr: "" });
  expect(imported.stdout).toContain("mdp solve --instance step.json");
  const compared = await mdp(["compare", "--instance", "step.json", "--json"], folder);
  expect(compared.code).toBe(0);
  const report = JSON.parse(compared.stdout);
  expect(report.latency.budget).toBe(17);
  const importance = Object.fromEntries(
    report.rows.map((row: { method: string; result: { importance: number } | null }) => [
      row.method,
      row.result?.importance ?? null,
    ]),
  );
  expect(importance["mdp"]).toBe(7);
  for (const value of Object.values(importance)) expect(value).toBeLessThanOrEqual(7);
});

test("the embedded network is compared at one latency, and each subnet is written", async () => {
  const methods = "mdp,channels-only,linear-latency:3,uniform,global-threshold";
  const { code, stdout } = await mdp(
    [
      "compare",
      "--device",
      "jetson",
      "--budget",
      "70%",
      "--methods",
      methods,
      "--out",
      "runs",
      "--json",
    ],
    folder,
  );
  expect(code).toBe(0);
  const report = JSON.parse(stdout);
  const rows: {
    method: string;
    result: { importance: number; latency: number; subnet: string };
  }[] = report.rows;
  expect(rows.map(({ method }) => method)).toEqual(methods.split(","));
  const [best] = rows;
  for (const { result } of rows) {
    expect(result.latency).toBeLessThanOrEqual(report.latency.budget * (1 + 1e-9));
    expect(result.importance).toBeLessThanOrEqual((best?.result.importance ?? 0) + 1e-9);
  }
  expect(
    readdirSync(join(folder, "runs")).filter((name) => name.endsWith(".subnet.json")),
  ).toHaveLength(5);
  const subnet = JSON.parse(readFileSync(join(folder, "runs/uniform.subnet.json"), "utf8"));
  expect(subnet.schema).toBe("mdp-subnet/1");
});

test("solve --method keeps the budget and says that a baseline proves nothing", async () => {
  const { code, stdout } = await mdp(
    ["solve", "--device", "jetson", "--budget", "70%", "--method", "linear-latency:3", "--json"],
    folder,
  );
  expect(code).toBe(0);
  const { answer, latencyMs, droppedBlocks } = JSON.parse(stdout);
  expect(answer).toMatchObject({ status: "feasible", solver: "linear-latency:3" });
  expect(answer.notes.join(" ")).toContain("predicted");
  expect(latencyMs.chosen).toBeLessThanOrEqual(latencyMs.budget * (1 + 1e-9));
  expect(droppedBlocks).toEqual([]);
});

test("pickles that would run something or hold something else end with exit code 3 and no file", async () => {
  const [evil = new Uint8Array()] = pickles("refused");
  const [numbers = new Uint8Array()] = pickles("numbers");
  writeFileSync(join(folder, "evil.pkl"), evil);
  writeFileSync(join(folder, "numbers.pkl"), numbers);
  const codeOf = async (file: string): Promise<readonly [number, string]> => {
    const { code, stdout } = await mdp(["import", file, "--out", "never.json", "--json"], folder);
    return [code, JSON.parse(stdout).error.code];
  };
  expect(await codeOf("evil.pkl")).toEqual([3, "formulation/pickle-refused"]);
  expect(await codeOf("numbers.pkl")).toEqual([3, "cli/import-content"]);
  expect(readdirSync(folder)).not.toContain("never.json");
});

test("a latency dictionary wants a network", async () => {
  // A dict of one text and one number, as Python writes it in protocol 2.
  const key = "8_3_16_32_3_1";
  const pickle = Buffer.concat([
    Buffer.from([0x80, 2, 0x7d, 0x58, key.length, 0, 0, 0]),
    Buffer.from(key),
    Buffer.from([0x4b, 5, 0x73, 0x2e]),
  ]);
  writeFileSync(join(folder, "lut.pkl"), pickle);
  const asked = await mdp(["import", "lut.pkl", "--out", "table.json", "--json"], folder);
  expect(asked.code).toBe(2);
  expect(JSON.parse(asked.stdout).error.code).toBe("cli/import-model");
});
