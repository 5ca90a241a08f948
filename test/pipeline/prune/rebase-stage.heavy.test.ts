import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { readJson, writeJson } from "../../../src/core/files.ts";
import { SILENT } from "../../../src/core/progress.ts";
import { readDocument } from "../../../src/documents/document.ts";
import { REBASE } from "../../../src/documents/rebase.ts";
import type { RunSummary } from "../../../src/documents/run.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import { writeModel } from "../../../src/onnx/write.ts";
import { openNetwork } from "../../../src/pipeline/open/network.ts";
import { PRUNE_DEFAULTS, pruneModel } from "../../../src/pipeline/prune/prune-model.ts";
import { rebaseStage } from "../../../src/pipeline/prune/rebase-stage.ts";
import { openRunFolder } from "../../../src/pipeline/prune/run-folder.ts";
import { bottleneckResnet } from "../../helpers/networks.ts";
import { silentRun } from "../../helpers/run-context.ts";
import { TRANSFORMERS } from "../../helpers/transformers.ts";

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "mdp-rebase-stage-"));
  writeModel(modelOf(TRANSFORMERS.separate()), join(folder, "vit.onnx"));
  writeModel(modelOf(bottleneckResnet(1)), join(folder, "cnn.onnx"));
});
afterAll(() => {
  rmSync(folder, { recursive: true });
});

interface Ran {
  readonly summary: RunSummary;
  readonly ran: readonly string[];
}

async function prune(model: string, out: string): Promise<Ran> {
  const ran: string[] = [];
  const settings = {
    ...PRUNE_DEFAULTS,
    ...{ model: join(folder, model), out: join(folder, out), device: "jetson-xavier" },
    ...{ budget: "95%" },
  };
  const summary = await pruneModel(
    settings,
    {},
    {
      ...silentRun,
      onEvent: (event) => {
        if (event.kind === "stage" && event.ran) ran.push(event.name);
      },
    },
  );
  return { summary, ran };
}

test("attention is rebased first, proven and not a second time; the pruned network comes from it", async () => {
  const first = await prune("vit.onnx", "vit");
  expect(first.ran).toContain("rebase");
  const report = readDocument(REBASE, join(folder, "vit/rebase.json"));
  expect(report.pairs.map(({ kind }) => kind).sort()).toEqual([
    ...["scores", "scores", "values", "values"],
  ]);
  expect(report.proof.maxRelative).toBeLessThanOrEqual(1e-5);
  expect(first.summary.rebase).toEqual(report);
  expect(first.summary.eval.results[0]?.model).toBe(join(folder, "vit.onnx"));
  expect(readJson(join(folder, "vit/importance.json"))).not.toMatchObject({
    networkHash: (readJson(join(folder, "vit/config.json")) as { network: { hash: string } })
      .network.hash,
  });
  const second = await prune("vit.onnx", "vit");
  expect(second.ran).toEqual([]);
  expect(second.summary.rebase).toEqual(report);
});

/** What the stage alone makes of a network. */
async function stage(
  model: string,
  options: { readonly rebase?: boolean; readonly importance?: string } = {},
): Promise<{ readonly same: boolean; readonly notes: readonly string[] }> {
  const open = await openNetwork(join(folder, model));
  const notes: string[] = [];
  const road = {
    ...{ open, original: open.path, run: openRunFolder(join(folder, "stage")) },
    options: { ...PRUNE_DEFAULTS, ...options },
    context: { ...silentRun, progress: { ...SILENT, note: (line: string) => notes.push(line) } },
  };
  const after = await rebaseStage(road);
  road.run.close();
  expect(existsSync(join(folder, "stage/rebased.onnx"))).toBe(false);
  return { same: after === road, notes };
}

test("it is left out where nobody wants it, where there is no attention, and with scores of the columns as they are", async () => {
  expect(await stage("vit.onnx", { rebase: false })).toEqual({ same: true, notes: [] });
  expect(await stage("cnn.onnx")).toEqual({ same: true, notes: [] });
  const { hash } = await openNetwork(join(folder, "vit.onnx"));
  const importance = join(folder, "scores.json");
  writeJson(importance, { networkHash: hash });
  const given = await stage("vit.onnx", { importance });
  expect(given.same).toBe(true);
  expect(given.notes.join("\n")).toContain("the given scores are of its columns as they are");
});
