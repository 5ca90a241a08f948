import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, expect, test } from "vitest";
import { readSubjects, reportInputs } from "../../src/pipeline/report/read-subjects.ts";
import { writeReport } from "../../src/pipeline/report/write-report.ts";

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

test("a folder gives what it holds, and says which files are no documents", () => {
  writeFileSync(join(folder, "proof.json"), JSON.stringify(proof));
  writeFileSync(join(folder, "proof-2.json"), JSON.stringify({ ...proof, values: 4 }));
  writeFileSync(join(folder, "notes.json"), "{ // mine");
  const [subject] = readSubjects([folder]);
  expect(subject?.proof?.values).toBe(3);
  expect(subject?.solve).toBeNull();
  expect(subject?.warnings).toEqual([
    "notes.json was left out: it is not JSON.",
    "proof-2.json was left out: proof.json is a document of the same kind.",
  ]);
});

test.each([
  ["cut off", '{"schema":"mdp-run/1","stages":{', "core/not-json"],
  ["of another form", '{"schema":"mdp-run/1","stages":7}', "documents/malformed"],
])("a document that is %s is refused with its name, beside whole ones too", (_, text, code) => {
  const file = join(folder, "run.json");
  writeFileSync(file, text);
  expect(() => readSubjects([folder])).toThrow(
    expect.objectContaining({ code, where: file, exitCode: 3 }),
  );
  rmSync(file);
});

test("folders of the same name have titles that tell them apart, and one that is named twice is read once", () => {
  const places = ["one/run", "two/run", "net"].map((place) => join(folder, place));
  for (const place of places) {
    mkdirSync(place, { recursive: true });
    writeFileSync(join(place, "proof.json"), JSON.stringify(proof));
  }
  const subjects = readSubjects([...places, `${places[2]}/../net`]);
  expect(subjects.map(({ title }) => title)).toEqual(["one/run", "two/run", "net"]);
});

test("page, card and documents never lie in one file, and without a card nothing is written", async () => {
  const out = join(folder, "page.html");
  await expect(writeReport({ paths: [folder], out, card: out })).rejects.toThrow(
    expect.objectContaining({ code: "pipeline/one-file", exitCode: 2 }),
  );
  const card = join(folder, "card.md");
  await expect(writeReport({ paths: [folder], out, card })).rejects.toThrow(
    expect.objectContaining({ code: "pipeline/no-card", exitCode: 3 }),
  );
  expect(existsSync(out)).toBe(false);
  expect(reportInputs([folder])).toContain(join(folder, "proof.json"));
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
