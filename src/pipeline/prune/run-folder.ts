import { existsSync, statSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { InputError } from "../../core/errors.ts";
import { checkWritable, readFileBytes, readJson, sha256, writeJson } from "../../core/files.ts";

const RECORD = z.object({
  schema: z.literal("mdp-run/1"),
  stages: z.record(
    z.string(),
    z.object({
      /** Hash of everything that the stage's result depends on. */
      key: z.string(),
      seconds: z.number(),
      date: z.string(),
      /** Files it wrote, relative to the folder, with their hashes. */
      outputs: z.record(z.string(), z.string()),
    }),
  ),
});

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
}

/**
 * A folder that a road of several stages is walked in. What is done is written down in `run.json` after every stage,
 * so that a killed run goes on where it stopped; a stage whose inputs or outputs have changed runs anew.
 * @throws InputError `cli/run-folder`, `core/write-failed` where it can't be a folder or `run.json` not be written
 */
export function openRunFolder(folder: string): RunFolder {
  checkFolder(folder);
  const recordPath = join(folder, "run.json");
  const read = (): z.infer<typeof RECORD> => {
    const parsed = existsSync(recordPath) ? RECORD.safeParse(readJson(recordPath)) : null;
    // A record of another version says nothing that can be relied on: every stage runs anew.
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
    const record = read();
    record.stages[definition.name] = { key, seconds, date: new Date().toISOString(), outputs };
    writeJson(recordPath, record);
    return { ran: true, seconds };
  };
  return { path, stage };
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
