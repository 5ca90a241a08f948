/**
 * Bundles the code of the package, with the packages that it imports, into few files; part of `npm run build`, and what the
 * tests that start the command line build.
 *
 *   npx tsx scripts/build-code.ts [folder]
 *
 * Every entry point of package.json and every module that runs in a thread or process of its own stays a file of its own name; what several of
 * them share lies in src/shared, once, so that a class is the same class for all (docs/decisions/0171-the-code-in-few-files.md).
 */
import { readdirSync, readFileSync, rmSync } from "node:fs";
import { isBuiltin } from "node:module";
import { join } from "node:path";
import { build, type Plugin } from "esbuild";
import { packageRoot } from "../src/core/files.ts";
import { writeLicences } from "./licences.ts";

/** Packages with compiled code or files of their own; GLPK is not ours to hand on. */
const EXTERNAL = ["highs", "onnxruntime-node", "sharp", "glpk.js"];

/** A CommonJS package asks for a module of Node by `require`, which a module does not have. */
const builtins: Plugin = {
  name: "builtins",
  setup({ onResolve, onLoad }) {
    onResolve({ filter: /^[\w:/]+$/ }, ({ path, kind }) =>
      kind === "require-call" && isBuiltin(path) ? { path, namespace: "builtin" } : undefined,
    );
    onLoad({ filter: /.*/, namespace: "builtin" }, ({ path }) => ({
      contents: `module.exports = process.getBuiltinModule(${JSON.stringify(path)});`,
    }));
  },
};

/** Sources of what package.json names as a program or an entry point. */
function entryPoints(root: string): readonly string[] {
  const { bin, exports } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as {
    readonly bin: Readonly<Record<string, string>>;
    readonly exports: Readonly<Record<string, string | { readonly default: string }>>;
  };
  const targets = [
    ...Object.values(bin),
    ...Object.values(exports).map((each) => (typeof each === "string" ? each : each.default)),
  ];
  return targets.flatMap((target) => /^(?:\.\/)?dist\/(.*)\.js$/.exec(target)?.[1] ?? []);
}

/** Sources that a call of `startModuleThread` or `startModuleProcess` names. */
function startedModules(root: string): readonly string[] {
  const found = readdirSync(join(root, "src"), { recursive: true, encoding: "utf8" })
    .filter((name) => name.endsWith(".ts"))
    .flatMap((name) => [...readFileSync(join(root, "src", name), "utf8").matchAll(STARTED)])
    .map(([, module = ""]) => module);
  return [...new Set(found)].sort();
}

const STARTED = /startModule(?:Thread|Process)\(\s*"([^"]+)"/g;

/** Writes the bundled code into the folder, without what was there before, with the licences of what it holds parts of. */
export async function buildCode(folder: string): Promise<void> {
  const root = packageRoot();
  for (const room of ["src", "solvers"])
    rmSync(join(folder, room), { recursive: true, force: true });
  const { metafile } = await build({
    absWorkingDir: root,
    metafile: true,
    entryPoints: [...entryPoints(root).map((entry) => `${entry}.ts`), ...startedModules(root)],
    outbase: root,
    outdir: folder,
    chunkNames: "src/shared/[name]-[hash]",
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    mainFields: ["module", "main"],
    external: EXTERNAL,
    plugins: [builtins],
    // Stack traces name functions as they are written, and the file that a line came from stands above it.
    minify: false,
    sourcemap: "linked",
    sourcesContent: false,
    legalComments: "none",
    logLevel: "error",
  });
  writeLicences(root, Object.keys(metafile.inputs), join(folder, "LICENSES.txt"));
}

const [, script = "", folder = join(packageRoot(), "dist")] = process.argv;
if (script.endsWith("build-code.ts")) await buildCode(folder);
