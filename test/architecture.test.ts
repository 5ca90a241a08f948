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
  "src/explorer",
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

// A page of `mdp explore` solves in the browser: these rooms, with all that they import, do without Node.
const WITHOUT_NODE = ["src/formulation", "src/mip", "solvers"];
/** Solvers in threads of Node; a page runs the solver's body in its own worker. */
const THREADS = ["solvers/highs.ts", "solvers/glpk.ts", "solvers/thread.ts"];
const RUN_TIME_IMPORT = /^(?:import|export)\s+(?!type\b)(?:[^;]*?from\s+)?"([^"]+)"/gm;
const DYNAMIC_IMPORT = /\bimport\("([^"]+)"\)/g;

/** What a file imports when it runs; names that are types alone count as well, which is on the safe side. */
function importsOf(file: string): string[] {
  const text = readFileSync(file, "utf8");
  return [RUN_TIME_IMPORT, DYNAMIC_IMPORT].flatMap((pattern) =>
    [...text.matchAll(pattern)].map(([, specifier = ""]) => specifier),
  );
}

/** The first way from a file to a module of Node; null where there is none. */
function wayToNode(start: string): string | null {
  const from = new Map<string, string | null>([[start, null]]);
  for (const file of from.keys()) {
    for (const specifier of importsOf(file)) {
      const way = (): string => {
        const chain = [specifier];
        for (let at: string | null = file; at !== null; at = from.get(at) ?? null)
          chain.unshift(at);
        return chain.join(" > ");
      };
      if (specifier.startsWith("node:")) return way();
      if (!specifier.startsWith(".")) continue;
      const to = join(dirname(file), specifier);
      if (!from.has(to)) from.set(to, file);
    }
  }
  return null;
}

test.each(WITHOUT_NODE.flatMap(filesUnder).filter((file) => !THREADS.includes(file)))(
  "%s and all that it imports do without Node",
  (file) => {
    expect(wayToNode(file)).toBeNull();
  },
);

test("a way to Node is found where there is one", () => {
  expect(wayToNode("solvers/thread.ts")).toBe("solvers/thread.ts > node:worker_threads");
  expect(wayToNode("src/pipeline/solve/solve-network.ts")).toMatch(
    /core\/files\.ts > node:crypto$/,
  );
});
