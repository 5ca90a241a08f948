import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { importanceText } from "../../src/importance/importance.ts";
import { modelOf } from "../../src/onnx/model.ts";
import { writeModel } from "../../src/onnx/write.ts";
import { subnetDocument } from "../../src/pipeline/solve/solve-document.ts";
import { solveModel } from "../../src/pipeline/solve/solve-model.ts";
import { importanceFor } from "../../src/pipeline/solve/solve-network.ts";
import { SOLVE_DEFAULTS } from "../../src/pipeline/solve/solve-settings.ts";
import { SWEEP_DEFAULTS, sweepModel } from "../../src/pipeline/sweep/sweep-model.ts";
import { tableFor } from "../../src/pipeline/tables/table-source.ts";
import { structureJson } from "../../src/structure/structure-json.ts";
import { everySection, residualNetwork } from "./report-subjects.ts";
import { silentRun } from "./run-context.ts";

const settingsOf = (model: string) =>
  ({ ...SOLVE_DEFAULTS, model, device: "jetson", batch: 8, budget: "60%" }) as const;

function write(folder: string, name: string, content: unknown): void {
  writeFileSync(join(folder, `${name}.json`), JSON.stringify(content));
}

/** What a run of a small network with blocks holds of its program, as commands write it. */
export async function writeRunFolder(folder: string, model: string): Promise<void> {
  mkdirSync(folder, { recursive: true });
  writeModel(modelOf(residualNetwork()), model);
  const settings = settingsOf(model);
  const { open, solved, report } = await solveModel({ ...settings, method: "mdp" }, silentRun);
  const { table } = tableFor(open, { ...settings, commandLine: "mdp" });
  write(folder, "solve", report);
  write(folder, "structure", structureJson(open.structure));
  write(folder, "subnet", subnetDocument(open, solved, report));
  write(folder, "table", table);
  write(folder, "importance", JSON.parse(importanceText(importanceFor(open, undefined).used)));
}

/** A frontier of the same network. */
export async function writeSweepFolder(folder: string, model: string): Promise<void> {
  const { budget: _, ...swept } = settingsOf(model);
  await sweepModel({ ...SWEEP_DEFAULTS, ...swept, out: folder, budgets: "80%,60%,40%" }, silentRun);
}

/** Every document that needs no network. */
export function writeOtherFolder(folder: string): void {
  mkdirSync(folder, { recursive: true });
  for (const [name, content] of Object.entries(everySection("plain"))) {
    if (typeof content === "object" && content !== null && "schema" in content)
      write(folder, name, content);
  }
}
