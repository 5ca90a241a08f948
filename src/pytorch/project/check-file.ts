import { InputError } from "../../core/errors.ts";
import type { Tensor } from "../../graph/graph.ts";
import { tensorFromBytes } from "../../graph/tensor.ts";
import { randomFeeds } from "../../runtime/feeds.ts";
import type { Feed, Feeds, Session } from "../../runtime/session.ts";
import { readSafetensors } from "../safetensors/read.ts";
import { writeSafetensors } from "../safetensors/write.ts";
import { CHECK_SCHEMA } from "./project-file.ts";

/** An input and what a network with certain weights gives for it, both in the order of the network's inputs and outputs. */
export interface Check {
  readonly inputs: readonly Tensor[];
  readonly outputs: readonly Tensor[];
  /** SHA-256 of the file of weights; null where the file doesn't say. */
  readonly weights: string | null;
}

/** Images in the check of an export: two, so that a batch is seen to be a batch. */
const BATCH = 2;

/**
 * Runs the network on a random input.
 * @throws InputError `runtime/run-failed`, `runtime/bad-feed`
 */
export async function makeCheck(session: Session, weights: string, seed: number): Promise<Check> {
  const feeds = randomFeeds(session.inputs, { seed, batch: BATCH });
  const outputs = await session.run(feeds);
  return {
    inputs: session.inputs.map(({ name }) => tensorOf(feeds, name)),
    outputs: session.outputs.map(({ name }) => tensorOf(outputs, name)),
    weights,
  };
}

function tensorOf(feeds: Feeds, name: string): Tensor {
  const feed: Feed | undefined = feeds[name];
  if (feed === undefined || feed.type === "string") {
    throw new InputError({
      code: "pytorch/no-tensor",
      message: `The network's value '${name}' is no tensor of numbers.`,
      where: name,
      hint: "A PyTorch project needs tensors as inputs and outputs.",
    });
  }
  const { type, shape, data } = feed;
  return tensorFromBytes(
    type,
    shape,
    new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
  );
}

/** The first is called by its role alone, further ones with their number: `input`, `input.1`. */
function named(role: string, tensors: readonly Tensor[]): [string, Tensor][] {
  return tensors.map((tensor, index) => [index === 0 ? role : `${role}.${index}`, tensor]);
}

/** @throws InputError `core/write-failed` */
export function writeCheck(path: string, check: Check): void {
  const { inputs, outputs, weights } = check;
  writeSafetensors(path, new Map([...named("input", inputs), ...named("output", outputs)]), {
    schema: CHECK_SCHEMA,
    ...(weights === null ? {} : { weights }),
  });
}

/**
 * A check that was written before, by an export or by the training script.
 * @throws InputError `pytorch/bad-check`, and as `readSafetensors`
 */
export function readCheck(path: string): Check {
  const { tensors, metadata } = readSafetensors(path);
  const all = (role: string): Tensor[] => {
    const found: Tensor[] = [];
    for (;;) {
      const next = tensors.get(found.length === 0 ? role : `${role}.${found.length}`);
      if (next === undefined) return found;
      found.push(next);
    }
  };
  const [inputs, outputs] = [all("input"), all("output")];
  if (metadata["schema"] === CHECK_SCHEMA && inputs.length > 0 && outputs.length > 0) {
    return { inputs, outputs, weights: metadata["weights"] ?? null };
  }
  throw new InputError({
    code: "pytorch/bad-check",
    message: `The file holds ${[...tensors.keys()].slice(0, 4).join(", ") || "nothing"}, and not an input and the module's outputs for it (schema ${CHECK_SCHEMA}).`,
    where: path,
    hint: "Remove it to import without this check, or let the training script write it again.",
  });
}
