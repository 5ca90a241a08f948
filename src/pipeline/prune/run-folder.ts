import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { InputError } from "../../core/errors.ts";
import { checkWritable, readFileBytes, readJson, sha256 } from "../../core/files.ts";
import { takeLock } from "../../core/lock.ts";
import { removeLeftovers } from "../../core/temporary.ts";
import { writeDocument } from "../../documents/document.ts";
import { RUN, type RunRecord } from "../../documents/run.ts";

export interface StageDefinition {
  readonly name: string;
  /** Everything that the result depends on: options, hashes of inputs. Must survive JSON. */
  readonly dependsOn: unknown;
  /** Files it writes, relative to the folder. */
  readonly outputs: readonly string[];
  readonly run: () => Promise<void>;
}

export interface StageResult {
  /** False where an earlier run's result was still good. */
  readonly ran: boolean;
  readonly seconds: number;
}

export interface RunFolder {
  readonly path: (file: string) => string;
  /** Runs the stage, unless its outputs are there and were made from the same inputs. */
  readonly stage: (definition: StageDefinition) => Promise<StageResult>;
  /** What the finished stages took together. */
  readonly seconds: () => number;
  /** Lets other processes use the folder. */
  readonly close: () => void;
}

/**
 * A folder that several stages run in. What is done is written down in `run.json` after every stage,
 * so that a killed run resumes where it stopped; a stage whose inputs or outputs have changed runs again. One process at a time
 * uses the folder, until it closes it; temporary files that a killed one left are removed.
 * @throws InputError `cli/run-folder`, `core/write-failed` where it can't be a folder or `run.json` not be written; `core/locked`
 */
export function openRunFolder(folder: string): RunFolder {
  checkFolder(folder);
  const close = takeLock(join(folder, ".lock"), "using this run folder");
  removeLeftovers(folder);
  const recordPath = join(folder, "run.json");
  const read = (): RunRecord => {
    const parsed = existsSync(recordPath) ? RUN.safeParse(readJson(recordPath)) : null;
    // A record of another version says nothing that can be relied on: every stage runs again.
    return parsed?.success ? parsed.data : { schema: "mdp-run/1", stages: {} };
  };
  const path = (file: string): string => join(folder, file);
  const hashOf = (file: string): string | null =>
    existsSync(path(file)) ? sha256(readFileBytes(path(file))) : null;

  const stage = async (definition: StageDefinition): Promise<StageResult> => {
    const key = sha256(JSON.stringify([definition.name, definition.dependsOn]));
    const done = read().stages[definition.name];
    const good =
      done?.key === key &&
      definition.outputs.every(
        (file) => done.outputs[file] !== undefined && done.outputs[file] === hashOf(file),
      );
    if (good) return { ran: false, seconds: done.seconds };
    const started = performance.now();
    await definition.run();
    const seconds = (performance.now() - started) / 1000;
    const outputs = Object.fromEntries(
      definition.outputs.map((file) => [file, hashOf(file) ?? "missing"]),
    );
    const { schema, stages } = read();
    const ended = { key, seconds, date: new Date().toISOString(), outputs };
    writeDocument(RUN, recordPath, {
      schema,
      stages: { ...stages, [definition.name]: ended },
    });
    return { ran: true, seconds };
  };
  const seconds = (): number =>
    Object.values(read().stages).reduce((sum, each) => sum + each.seconds, 0);
  return { path, stage, seconds, close };
}

function checkFolder(folder: string): void {
  if (statSync(folder, { throwIfNoEntry: false })?.isDirectory() === false) {
    throw new InputError({
      code: "cli/run-folder",
      message: "A run needs a folder of its own, and this is a file.",
      where: folder,
      hint: "Give --out another name.",
    });
  }
  checkWritable(join(folder, "run.json"));
}
