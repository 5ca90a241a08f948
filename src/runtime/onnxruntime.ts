import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import type * as Ort from "onnxruntime-node";
import { InputError } from "../core/errors.ts";
import { packageRoot, readJson } from "../core/files.ts";

const PACKAGE = "onnxruntime-node";

/**
 * onnxruntime's binding, loaded when it is first needed: the installed package, or what install/keep-runtime.js kept of it.
 * @throws InputError `runtime/not-installed`, `runtime/not-loadable`
 */
export function onnxruntime(): typeof Ort {
  loaded ??= load();
  return loaded;
}

// A binding that is loaded stays loaded; it is asked for with every run of a network.
let loaded: typeof Ort | null = null;

function load(): typeof Ort {
  const place = runtimePlace();
  try {
    return require(place) as typeof Ort;
  } catch (cause) {
    throw new InputError({
      code: "runtime/not-loadable",
      message: `onnxruntime can't be loaded: ${cause instanceof Error ? cause.message : cause}.`,
      where: place,
      hint: `It has binaries for Linux and Windows on x64 and arm64 and for macOS on arm64; this is ${process.platform} ${process.arch}.`,
      cause,
    });
  }
}

/** The version of the runtime, as its package says. */
export function runtimeVersion(): string {
  const description: unknown = require(join(runtimePlace(), "package.json"));
  return typeof description === "object" && description !== null && "version" in description
    ? String(description.version)
    : "unknown";
}

const require = createRequire(import.meta.url);

function runtimePlace(): string {
  try {
    return join(require.resolve(`${PACKAGE}/package.json`), "..");
  } catch {
    const kept = join(packageRoot(), "runtime", PACKAGE);
    if (existsSync(join(kept, "package.json"))) return kept;
    throw new InputError({
      code: "runtime/not-installed",
      message: "onnxruntime-node is not installed, and this needs to run a network.",
      where: packageRoot(),
      hint: `Run npm install --ignore-scripts ${PACKAGE}@${wantedVersion()} in the same folder. Its own install script only downloads libraries for graphics cards, which are not needed.`,
    });
  }
}

function wantedVersion(): string {
  const description = readJson(join(packageRoot(), "package.json"));
  const optional = (
    description as { readonly optionalDependencies?: Readonly<Record<string, string>> }
  ).optionalDependencies;
  return (optional?.[PACKAGE] ?? "latest").replace(/^\^/, "");
}
