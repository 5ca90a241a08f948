import { InputError, VerificationError } from "../../core/errors.ts";
import type { Tensor } from "../../graph/graph.ts";
import { elementCount } from "../../graph/tensor.ts";
import { compareOutputs } from "../../runtime/compare.ts";
import type { Feed, Feeds, Session } from "../../runtime/session.ts";
import type { Check } from "../project/check-file.ts";
import { widened } from "../safetensors/widen.ts";

/** How far network and module may be apart: max |a - b| / max |a|, a being the module's outputs. */
export const IMPORT_LIMIT = 1e-4;

/** What came of running both. */
export interface Checked {
  /** Largest over the outputs of max |a - b| / max |a|. */
  readonly maxRelative: number;
  readonly limit: number;
  /** Inputs along the batch. */
  readonly images: number;
}

/**
 * Runs the network on the check's input and compares with the module's outputs.
 * @throws VerificationError `pytorch/outputs-differ`; InputError `pytorch/bad-check`, `runtime/run-failed`
 */
export async function compareWithModule(
  session: Session,
  check: Check,
  where: string,
): Promise<Checked> {
  const images = check.inputs[0]?.shape[0] ?? 0;
  const counts = [session.inputs.length, session.outputs.length];
  if (counts[0] !== check.inputs.length || counts[1] !== check.outputs.length || images === 0) {
    throw badCheck(
      `It has ${check.inputs.length} inputs and ${check.outputs.length} outputs for ${images} images, and the network ${counts[0]} and ${counts[1]}.`,
      where,
    );
  }
  // A network whose batch is fixed runs so many images at a time.
  const fixed = session.inputs[0]?.shape[0];
  const step = typeof fixed === "number" ? fixed : images;
  let maxRelative = 0;
  let compared = 0;
  for (let start = 0; start + step <= images; start += step) {
    const part = (tensors: readonly Tensor[], names: Session["inputs"]): Feeds =>
      feedsOf(tensors, names, { start, step, images }, where);
    const found = await session.run(part(check.inputs, session.inputs));
    const difference = compareOutputs(part(check.outputs, session.outputs), found);
    maxRelative = Math.max(maxRelative, difference.maxRelative);
    compared += step;
  }
  if (compared === 0) {
    throw badCheck(`It has ${images} images, and the network runs ${step} at a time.`, where);
  }
  if (maxRelative <= IMPORT_LIMIT) return { maxRelative, limit: IMPORT_LIMIT, images: compared };
  throw new VerificationError({
    code: "pytorch/outputs-differ",
    message: `With these weights the ONNX differs from the module by ${maxRelative.toExponential(2)} of the largest output (at most ${IMPORT_LIMIT} is allowed).`,
    where,
    hint: "Nothing was written. If network.py was changed after the export, it is another network now: undo the change, and run check.py in the project.",
  });
}

interface Part {
  readonly start: number;
  readonly step: number;
  readonly images: number;
}

function feedsOf(
  tensors: readonly Tensor[],
  names: Session["inputs"],
  { start, step, images }: Part,
  where: string,
): Feeds {
  return Object.fromEntries(
    tensors.map((tensor, index): [string, Feed] => {
      const name = names[index]?.name ?? "";
      const values = widened(tensor);
      if (values === null || tensor.shape[0] !== images) {
        throw badCheck(`Its tensors for '${name}' are no floats of ${images} images.`, where);
      }
      const each = elementCount(tensor.shape.slice(1));
      const data = values.slice(start * each, (start + step) * each);
      return [name, { type: "float32", shape: [step, ...tensor.shape.slice(1)], data }];
    }),
  );
}

function badCheck(what: string, where: string): InputError {
  return new InputError({
    code: "pytorch/bad-check",
    message: `The check does not belong to this network. ${what}`,
    where,
    hint: "Remove it to import without this check, or let the training script write it again.",
  });
}
