import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { EXIT } from "../../src/core/errors.ts";
import { parseImportance } from "../../src/importance/importance.ts";
import { mdpSync as mdp } from "../helpers/cli.ts";

const folder = mkdtempSync(join(tmpdir(), "mdp-score-"));
const data = join(folder, "shapes");
const out = join(folder, "importance.json");

beforeAll(() => {
  const size = ["--size", "64", "--train", "24", "--test", "8"];
  expect(mdp("data", "shapes", "--out", data, ...size).status).toBe(EXIT.done);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test("mdp score takes gradients on the training split, says so, and leaves no partial sums behind", () => {
  const images = ["--data", data, "--samples", "20", "--batch", "8"];
  const { status, stdout } = mdp("score", "--method", "taylor-bn", ...images, "--out", out);
  expect(status).toBe(EXIT.done);
  expect(stdout).toContain("Images      16 in batches of 8, labels of the data set");
  const importance = parseImportance(JSON.parse(readFileSync(out, "utf8")), out);
  expect(importance).toMatchObject({
    method: "taylor-bn",
    normalisation: "none",
    seed: 0,
    data: { images: 16, batch: 8, labels: "data" },
  });
  expect(existsSync(`${out}.partial.json`)).toBe(false);
});

test("a method that needs images says which option names them, and a wrong count is a usage error", () => {
  const none = join(folder, "none.json");
  const { status, stderr } = mdp("score", "--method", "fisher", "--out", none);
  expect(status).toBe(EXIT.usage);
  expect(stderr).toContain("--data");
  expect(mdp("score", "--method", "fisher", "--data", data, "--samples", "0").status).toBe(
    EXIT.usage,
  );
  const few = mdp("score", "--method", "fisher", "--data", data, "--batch", "99");
  expect(few.status).toBe(EXIT.usage);
  expect(few.stderr).toContain("24 images");
  expect(existsSync(none)).toBe(false);
});
