import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { modelOf } from "../../src/onnx/model.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { runContext } from "../../src/pipeline/run-context.ts";
import { solveModel } from "../../src/pipeline/solve/solve-model.ts";
import { SOLVE_DEFAULTS, solveNetworkOptions } from "../../src/pipeline/solve/solve-settings.ts";
import { reportOf, writeSubnet } from "../../src/pipeline/solve/solved-report.ts";
import { tableFor } from "../../src/pipeline/tables/table-source.ts";
import { networkBuilder } from "../helpers/networks.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-bytes-"));
afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

test("a subnet file has the same bytes however long solving took and whatever the search did", async () => {
  const model = join(folder, "net.onnx");
  const b = networkBuilder(5);
  const x = b.relu(b.conv("a", b.input("x", [1, 3, 8, 8]), { from: 3, to: 16 }));
  b.output(b.conv("h", x, { from: 16, to: 2 }));
  writeModel(modelOf(b.graph()), model);
  const settings = { ...SOLVE_DEFAULTS, model, device: "jetson", budget: "none", method: "mdp" };
  const { open, solved } = await solveModel(settings, runContext());
  const source = tableFor(open, { ...settings, commandLine: "" });
  const wanted = solveNetworkOptions(settings, source.table.step);
  const bytes = ["one", "two"].map((name, index) => {
    const { answer } = solved;
    const stats = { ...answer.stats, nodes: 17 * index };
    const notes = [...answer.notes, `Solver x stopped after ${index} s.`];
    const other = {
      ...solved,
      answer: { ...answer, stats, notes, seconds: index },
      seconds: { program: index, solve: index },
    };
    const report = reportOf({ open, source, wanted, solved: other, read: index, total: index });
    expect(report.answer.notes).toContain(notes.at(-1));
    const path = join(folder, `${name}.json`);
    writeSubnet(path, open, other, report);
    return readFileSync(path, "utf8");
  });
  expect(bytes[1]).toBe(bytes[0]);
  expect(bytes[0]).toContain("Predicted from published figures");
});
