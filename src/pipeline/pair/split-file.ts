import { join } from "node:path";
import { InputError, VerificationError } from "../../core/errors.ts";
import { makeFolder } from "../../core/files.ts";
import type { Split } from "../../documents/pair.ts";
import type { Model } from "../../onnx/model.ts";
import { readModel } from "../../onnx/read.ts";
import { serializeModel, writeModel } from "../../onnx/write.ts";
import { compareOutputs } from "../../runtime/compare.ts";
import { type Feeds, openSession, type Session } from "../../runtime/session.ts";
import { findStructure } from "../../structure/find-structure.ts";
import { inputKinds } from "../../subnet/proof/inputs.ts";
import { modelPath } from "../open/embedded.ts";
import { joinedPair, judgedModel, type PartModel, splitModel } from "./joined-model.ts";

interface ProofSetting {
  /** Of the random inputs that both are compared on. */
  readonly seed: number;
  /** Lengths of open axes. */
  readonly bind?: Readonly<Record<string, number>> | undefined;
}

/**
 * Takes a joined network apart again, checks both parts against it, and writes them: `<name>.onnx` of each part into a folder.
 * @throws InputError `pair/not-joined`, and as `readModel` and `writeModel`; VerificationError `pair/parts-differ`
 */
export async function splitFile(
  path: string,
  folder: string,
  options: ProofSetting,
): Promise<Split["parts"]> {
  const file = modelPath(path);
  const model = readModel(file);
  const pair = joinedPair(model, file);
  if (pair === null) {
    throw new InputError({
      code: "pair/not-joined",
      message: "This network was not joined of two.",
      where: path,
      hint: "mdp join FIRST.onnx SECOND.onnx --out joined.onnx joins two networks.",
    });
  }
  const parts = splitModel(model, pair);
  await checkParts(model, parts, options);
  makeFolder(folder);
  return parts.map(({ part, model: own }) => {
    const out = join(folder, `${part.name}.onnx`);
    writeModel(own, out);
    const outputs = own.graph.outputs.map(({ name }) => name);
    const shape = own.graph.outputs.find(({ name }) => name === part.embedding.own)?.shape;
    const width = shape?.[1];
    return { name: part.name, file: out, outputs, width: typeof width === "number" ? width : null };
  });
}

/** Random inputs that both are compared on. */
const RUNS = 2;

/** Both parts give what the joined network gives, up to rounding: they are the same ops in the same order. */
export async function checkParts(
  model: Model,
  parts: readonly PartModel[],
  { seed, bind = {} }: ProofSetting,
): Promise<void> {
  const whole = judgedModel(model, "joined network");
  const sessions: Session[] = [];
  const open = async (each: Model): Promise<Session> => {
    const session = await openSession(Buffer.concat(serializeModel(each)));
    sessions.push(session);
    return session;
  };
  try {
    const joined = await open(whole);
    const own: Session[] = [];
    for (const { model: part } of parts) own.push(await open(part));
    const [kind] = inputKinds(findStructure(whole.graph, { batch: 2, bind }), joined.inputs, {
      seed,
    });
    for (let run = 0; run < RUNS; run += 1) {
      const feeds = kind?.feeds(run) ?? {};
      const wanted = await joined.run(feeds);
      for (const [index, { part }] of parts.entries()) {
        const found = await own[index]?.run(named(feeds, part.inputs));
        compared(part.name, named(wanted, part.outputs), found ?? {});
      }
    }
  } finally {
    for (const session of sessions) await session.close();
  }
}

function named(
  feeds: Feeds,
  names: readonly { readonly own: string; readonly joined: string }[],
): Feeds {
  return Object.fromEntries(
    names.flatMap(({ own, joined }) => (feeds[joined] === undefined ? [] : [[own, feeds[joined]]])),
  );
}

const TOLERANCE = 1e-5;

function compared(name: string, wanted: Feeds, found: Feeds): void {
  const { maxRelative, output } = compareOutputs(wanted, found);
  if (maxRelative <= TOLERANCE) return;
  throw new VerificationError({
    code: "pair/parts-differ",
    message: `'${output}' of '${name}' differs from the joined network's by ${maxRelative.toExponential(2)} of its largest value.`,
    where: name,
    hint: "Nothing was written. Please report the two files that were joined.",
  });
}
