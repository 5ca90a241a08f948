import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readSubjects } from "../../src/pipeline/report/read-subjects.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-report-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const proof = {
  schema: "mdp-proof/1",
  runs: 2,
  seed: 1,
  limit: 1e-5,
  values: 3,
  maxRelative: 0,
  layersRelative: 0,
  worstLayer: null,
  maxAbsolute: 0,
  identical: true,
};

test("a folder gives what it holds, and says which files can't be read", () => {
  writeFileSync(join(folder, "proof.json"), JSON.stringify(proof));
  writeFileSync(join(folder, "run.json"), '{"schema":"mdp-run/1","stages":7}');
  writeFileSync(join(folder, "broken.json"), "{");
  const [subject] = readSubjects([folder]);
  expect(subject?.proof?.values).toBe(3);
  expect(subject?.solve).toBeNull();
  expect(subject?.warnings).toHaveLength(2);
});

test("a place without documents is refused, and so is one that doesn't exist", () => {
  const file = join(folder, "other.json");
  writeFileSync(file, '{"schema":"something-else"}');
  for (const path of [file, join(folder, "nowhere")]) {
    expect(() => readSubjects([path])).toThrow(
      expect.objectContaining({ code: "pipeline/nothing-to-report", exitCode: 3 }),
    );
  }
});
