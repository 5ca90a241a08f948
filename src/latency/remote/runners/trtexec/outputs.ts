import { z } from "zod";
import { InputError } from "../../../../core/errors.ts";
import { printable } from "../../ssh/host.ts";
import { WARM_UP_MS } from "./flags.ts";

/** One layer of an engine with what it took per run. */
export interface TrtLayerTime {
  readonly name: string;
  /** The median over the runs where trtexec gives it (from 8.4 on), the mean before. */
  readonly ms: number;
}

/** One layer of an engine as `--exportLayerInfo` describes it. */
export interface TrtLayer {
  readonly name: string;
  readonly type: string | null;
  /** Names of the ONNX nodes that it came from, where the engine remembers them (from 8.6 on, built with detailed names). */
  readonly onnxNodes: readonly string[];
}

const PROFILE_ENTRY = z.object({
  name: z.string(),
  averageMs: z.number(),
  medianMs: z.number().optional(),
});
const PROFILE = z.tuple([z.object({ count: z.number() })], PROFILE_ENTRY);

const TIMES = z
  .array(
    z.object({
      startComputeMs: z.number(),
      computeMs: z.number().nonnegative(),
      /** Up to 8.4; files of those versions hold the warm-up as well. */
      endToEndMs: z.number().optional(),
    }),
  )
  .min(1);

const LAYER = z.union([
  z.string(),
  z.object({ Name: z.string(), LayerType: z.string().optional(), Metadata: z.string().optional() }),
]);
const LAYERS = z.object({ Layers: z.array(LAYER) });

/**
 * Reads what `--exportProfile` wrote: `[{"count": N}, {"name": ..., "timeMs": ..., "averageMs": ..., "medianMs": ..., "percentage": ...}, ...]`.
 * @throws InputError `remote/bad-trtexec-file`
 */
export function parseTrtProfile(text: string, where: string): TrtLayerTime[] {
  const [, ...entries] = parsed(PROFILE, text, where, "profile");
  return entries.map(({ name, averageMs, medianMs }) => ({ name, ms: medianMs ?? averageMs }));
}

/**
 * Reads what `--exportTimes` wrote: the times of the runs on the GPU in milliseconds, without those that warmed up.
 * @throws InputError `remote/bad-trtexec-file`
 */
export function parseTrtTimes(text: string, where: string): number[] {
  const runs = parsed(TIMES, text, where, "times");
  const counted = runs.filter(
    (run) => run.endToEndMs === undefined || run.startComputeMs >= WARM_UP_MS,
  );
  return (counted.length > 0 ? counted : runs).map((run) => run.computeMs);
}

/**
 * Reads what `--exportLayerInfo` wrote: names alone, or objects where the engine was built with detailed names.
 * @throws InputError `remote/bad-trtexec-file`
 */
export function parseTrtLayers(text: string, where: string): TrtLayer[] {
  return parsed(LAYERS, text, where, "layers").Layers.map((layer) => {
    if (typeof layer === "string") return { name: layer, type: null, onnxNodes: [] };
    const { Name, LayerType, Metadata } = layer;
    return { name: Name, type: LayerType ?? null, onnxNodes: metadataNodes(Metadata ?? "") };
  });
}

/** "[ONNX Layer: a]", several one after the other or with a separator (a control character) between them. */
function metadataNodes(metadata: string): string[] {
  const names = metadata
    .split(/\[ONNX Layer: /)
    .slice(1)
    .map((part) => part.slice(0, Math.max(0, part.lastIndexOf("]"))));
  return [...new Set(names)];
}

function parsed<T>(schema: z.ZodType<T>, text: string, where: string, what: string): T {
  try {
    // trtexec writes what C++ prints: not a number where a layer never ran, and separators as they are.
    const plain = text
      .replace(/([:,]\s*)-?(?:nan|inf)\b(?:\([a-z]*\))?/gi, "$1null")
      // biome-ignore lint/suspicious/noControlCharactersInRegex: these are the characters in question
      .replace(/[\u001c-\u001f]/g, " ");
    return schema.parse(JSON.parse(plain));
  } catch (cause) {
    throw new InputError({
      code: "remote/bad-trtexec-file",
      message: `The ${what} that trtexec wrote can't be read: it begins with '${printable(text, 80)}'.`,
      where,
      hint: "The board's disk may be full, or this version of trtexec writes another format; tell us which.",
      cause,
    });
  }
}
