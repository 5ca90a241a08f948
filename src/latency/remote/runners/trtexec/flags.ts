import { InputError, UsageError } from "../../../../core/errors.ts";

/**
 * Which options trtexec is called with. Their names changed between versions (8.2 on a Nano has `--buildOnly` and
 * `--nvtxMode`, 8.6 has both old and new ones, 10 has `--skipInference` and `--profilingVerbosity`, 11 no precisions), so that
 * they are chosen from what its own `--help` lists. Source: NVIDIA's migration guides from TensorRT 8.x to 10.x and
 * from 10.x to 11.x, and the samples/common/sampleOptions.cpp of each version.
 */
export interface TrtFlags {
  /** Behind the network and the engine's name when an engine is built. */
  readonly build: readonly string[];
  /** Behind the engine's name when it is run. */
  readonly run: readonly string[];
  /** Whether layers can be told apart by more than their names. */
  readonly layerInfo: boolean;
}

/** Milliseconds that an engine runs before times count. */
export const WARM_UP_MS = 200;

/** Up to 8.4 an engine may use 16 MiB only unless told otherwise, which leaves the fast kernels out. */
const WORKSPACE_MIB = 1024;

/**
 * @param help what `trtexec --help` printed
 * @param repeats counted runs
 * @throws InputError `remote/old-trtexec`; UsageError `remote/precision`
 */
export function trtFlags(help: string, precision: string, repeats: number): TrtFlags {
  const known = new Set(help.match(/--[A-Za-z][A-Za-z0-9]*/g) ?? []);
  const first = (...flags: readonly string[]): string[] =>
    flags.filter((flag) => known.has(flag.split("=")[0] ?? "")).slice(0, 1);
  const missing = ["--onnx", "--saveEngine", "--loadEngine", "--exportTimes", "--exportProfile"];
  const lacking = missing.filter((flag) => !known.has(flag));
  if (lacking.length > 0) {
    throw new InputError({
      code: "remote/old-trtexec",
      message: `The board's trtexec doesn't have ${lacking.join(", ")}.`,
      hint: "TensorRT 8.2 or newer is needed; JetPack 4.6 brings it.",
    });
  }
  const detailed = first("--profilingVerbosity=detailed", "--nvtxMode=verbose");
  return {
    build: [
      ...precisionFlags(precision, known),
      ...first("--skipInference", "--buildOnly"),
      ...detailed,
      ...first("--timingCacheFile=timing.cache"),
      ...(known.has("--memPoolSize") ? [] : first(`--workspace=${WORKSPACE_MIB}`)),
    ],
    run: [
      `--warmUp=${WARM_UP_MS}`,
      "--duration=0",
      `--iterations=${repeats}`,
      ...first("--noDataTransfers"),
      ...first("--useSpinWait"),
    ],
    layerInfo: known.has("--exportLayerInfo"),
  };
}

/** What can be measured: float16 wherever the builder may still choose precisions by itself. */
export function trtPrecisions(help: string): readonly string[] {
  return /--fp16\b/.test(help) ? ["float32", "float16"] : ["float32"];
}

function precisionFlags(precision: string, known: ReadonlySet<string>): string[] {
  if (precision === "float32") return [];
  if (precision === "float16" && known.has("--fp16")) return ["--fp16"];
  throw new UsageError({
    code: "remote/precision",
    message: `This trtexec can't be asked for ${precision}: networks are strongly typed from TensorRT 11 on.`,
    where: "--precision",
    hint: "Convert the network to float16 first (NVIDIA's ModelOpt AutoCast does), and profile what comes out.",
  });
}
