import { readdirSync, readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect, test } from "vitest";

// Data flows down this list: a room may import itself and the rooms above it.
const ROOMS = [
  "src/core",
  "src/graph",
  "src/networks",
  "src/onnx",
  "src/runtime",
  "src/gradients",
  "src/structure",
  "src/subnet",
  "src/importance",
  "src/latency",
  "src/mip",
  "src/formulation",
  "src/authors",
  "src/training",
  "src/data",
  "src/tasks",
  "src/coefficients",
  "src/release",
  "src/pytorch",
  "src/documents",
  "src/report",
  "solvers",
  "src/pipeline",
  "src/api",
  "src/index.ts",
  "src/cli",
];
const SOLVERS_MAY_IMPORT = ["src/core", "src/mip", "solvers"];
const IMPORT = /(?:from|import)\s*\(?\s*"(\.[^"]+)"/g;

const roomOf = (path: string): string =>
  ROOMS.find((room) => path === room || path.startsWith(`${room}/`)) ?? "(no room)";
const filesUnder = (folder: string): string[] =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .map((name) => join(folder, name));

test.each([...filesUnder("src"), ...filesUnder("solvers")])(
  "%s imports only earlier rooms",
  (file) => {
    const from = roomOf(file);
    expect(ROOMS).toContain(from);
    for (const [, specifier = ""] of readFileSync(file, "utf8").matchAll(IMPORT)) {
      const to = roomOf(join(dirname(file), specifier));
      const allowed =
        from === "solvers" ? SOLVERS_MAY_IMPORT : ROOMS.slice(0, ROOMS.indexOf(from) + 1);
      expect(allowed, `${file} imports ${specifier}`).toContain(to);
    }
  },
);

test.each(
  [...filesUnder("src"), ...filesUnder("solvers")].filter((file) => roomOf(file) !== "src/cli"),
)("%s neither prints nor ends the process", (file) => {
  expect(readFileSync(file, "utf8")).not.toMatch(/\bprocess\.(stdout|stderr|exit)\b|\bconsole\./);
});
