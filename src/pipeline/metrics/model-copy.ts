import { copyFileSync, rmSync } from "node:fs";
import { basename, join } from "node:path";
import { InputError } from "../../core/errors.ts";
import { makeScratchFolder } from "../../core/files.ts";
import { hasExternalData, readModel } from "../../onnx/read.ts";
import { writeModel } from "../../onnx/write.ts";

/**
 * Does something with a copy of a model's file, which is removed afterwards: a program of the user's may write to what it is given, and
 * neither the network nor what the next program gets may change by that.
 * @throws InputError as reading and writing models with external data
 */
export async function onCopy<Result>(
  path: string,
  act: (copy: string) => Promise<Result>,
): Promise<Result> {
  const folder = makeScratchFolder("mdp-judged-");
  try {
    const copy = join(folder, basename(path));
    // Weights beside the model belong to it.
    if (isInParts(path)) writeModel(readModel(path), copy);
    else copyFileSync(path, copy);
    return await act(copy);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** A file that can't be read as a model is handed on as it is: what the program says of it is said to the user. */
function isInParts(path: string): boolean {
  try {
    return hasExternalData(path);
  } catch (error) {
    if (error instanceof InputError) return false;
    throw error;
  }
}
