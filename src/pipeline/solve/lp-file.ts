import { writeChunksAtomic } from "../../core/files.ts";
import { lpFormat } from "../../mip/lp-format.ts";
import type { Model } from "../../mip/model.ts";

const CHUNK_CHARACTERS = 1 << 20;

/**
 * Writes the model in CPLEX LP format, without holding the whole text in memory.
 * @throws InputError `core/write-failed`
 */
export function writeLpFile(path: string, model: Model): void {
  writeChunksAtomic(path, inChunks(lpFormat(model)));
}

function* inChunks(pieces: Iterable<string>): Generator<Uint8Array> {
  const encoder = new TextEncoder();
  let waiting = "";
  for (const piece of pieces) {
    waiting += piece;
    if (waiting.length < CHUNK_CHARACTERS) continue;
    yield encoder.encode(waiting);
    waiting = "";
  }
  yield encoder.encode(waiting);
}
