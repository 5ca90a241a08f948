import { basename, dirname, resolve } from "node:path";
import { InputError, UsageError } from "../../core/errors.ts";
import type { JoinOptions } from "../../graph/pair/join.ts";
import type { JoinedPair } from "../../graph/pair/joined.ts";
import { hasFunctions, readModel } from "../../onnx/read.ts";
import { writeModel } from "../../onnx/write.ts";
import { modelPath } from "../open/embedded.ts";
import type { RunContext } from "../run-context.ts";
import { joinModels, type NamedModel } from "./joined-model.ts";

export interface JoinRequest extends JoinOptions {
  /** Two ONNX files. */
  readonly files: readonly [string, string];
  /** ONNX file to write. */
  readonly out: string;
}

/**
 * Writes two networks as one that is pruned as one problem (`joinGraphs`).
 * @throws UsageError `cli/overwrites-model`; InputError `pair/functions`, and as `readModel`, `joinGraphs` and `writeModel`
 */
export function joinFiles(request: JoinRequest, context: RunContext): JoinedPair {
  const { files, out } = request;
  const paths = files.map(modelPath);
  const [left = "", right = ""] = paths;
  for (const path of paths) {
    if (resolve(path) !== resolve(out)) continue;
    throw new UsageError({
      code: "cli/overwrites-model",
      message: "The joined network would overwrite one of its two parts.",
      where: "--out",
      hint: "Choose another file name.",
    });
  }
  const [first, second] = namesOf(left, right);
  const joined = joinModels([sideOf(first, left), sideOf(second, right)], request);
  for (const note of joined.notes) context.progress.note(note);
  writeModel(joined.model, out);
  return joined.pair;
}

function sideOf(name: string, path: string): NamedModel {
  const model = readModel(path);
  if (!hasFunctions(model)) return { name, model };
  throw new InputError({
    code: "pair/functions",
    message:
      "The network calls functions of its own, which can't be joined with another network's.",
    where: path,
    hint: "Write the functions out first: onnx.inliner.inline_local_functions in Python, or export without functions.",
  });
}

/** Words that tell the two apart: the files' names, or where these are the same, their folders'. */
function namesOf(left: string, right: string): readonly [string, string] {
  const word = (text: string): string =>
    text.replace(/\.onnx(\.br|\.gz)?$/, "").replace(/[^\w-]+/g, "_");
  const files = [left, right].map((path) => word(basename(path)));
  const folders = [left, right].map((path) => word(basename(dirname(resolve(path)))));
  const [a = "", b = ""] = files[0] === files[1] ? folders : files;
  return a === b ? [`${a}_1`, `${b}_2`] : [a, b];
}
