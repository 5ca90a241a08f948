import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { convDictionary, isConvDictionary } from "../../../src/authors/conv-dictionary.ts";
import { readPickle } from "../../../src/authors/pickle.ts";
import { areSolverInputs, solverInputs } from "../../../src/authors/solver-inputs.ts";
import { readFileBytes } from "../../../src/core/files.ts";
import type { Random } from "../../../src/core/random.ts";
import { parseInstance } from "../../../src/formulation/problem/instance.ts";
import { floatTensor, intTensor } from "../../../src/graph/tensor.ts";
import { readCheck, writeCheck } from "../../../src/pytorch/project/check-file.ts";
import { readSafetensors } from "../../../src/pytorch/safetensors/read.ts";
import { widened } from "../../../src/pytorch/safetensors/widen.ts";
import { readCheckpoint, writeCheckpoint } from "../../../src/training/checkpoint.ts";
import { allPickles } from "../../authors/fixtures.ts";
import { mutatedBytes } from "../mutate/bytes.ts";
import { mutatedJson } from "../mutate/json.ts";
import { bytesOf, type FuzzTarget, mutations } from "../target.ts";

export const pickle: FuzzTarget = {
  name: "pickle",
  open: () => ({
    input: mutations(allPickles(), mutatedBytes),
    read: ({ bytes }) => {
      const value = readPickle(bytes, "fuzz.pkl");
      if (isConvDictionary(value)) convDictionary(value, "fuzz.pkl");
      if (areSolverInputs(value))
        parseInstance(solverInputs(value, "fuzz", "fuzz.pkl"), "fuzz.pkl");
    },
  }),
};

/** A file of a JSON header and data: its header changed in its structure (with the right length before it), or its bytes. */
function headed(
  file: Uint8Array,
  random: Random,
  lengthAt: number,
  lengthBytes: 4 | 8,
): Uint8Array {
  if (random.integer(2) === 0) return mutatedBytes(file, random);
  const view = new DataView(file.buffer, file.byteOffset);
  const start = lengthAt + lengthBytes;
  const length = view.getUint32(lengthAt, true);
  const header = bytesOf(
    mutatedJson(Buffer.from(file.subarray(start, start + length)).toString(), random),
  );
  const head = Buffer.from(file.subarray(0, start));
  head.writeUInt32LE(header.length, lengthAt);
  return Uint8Array.from(Buffer.concat([head, header, file.subarray(start + length)]));
}

export const safetensors: FuzzTarget = {
  name: "safetensors",
  open: (folder) => {
    const path = join(folder, "check.safetensors");
    const inputs = [floatTensor([2, 3], [1, 2, 3, 4, 5, 6]), intTensor([2], [7, 8])];
    writeCheck(path, { inputs, outputs: [floatTensor([1], [0.5])], weights: "some" });
    return {
      input: mutations([readFileBytes(path)], (file, random) => headed(file, random, 0, 8)),
      read: ({ bytes }) => {
        writeFileSync(path, bytes);
        for (const tensor of readSafetensors(path).tensors.values()) widened(tensor);
        readCheck(path);
      },
    };
  },
};

export const checkpoint: FuzzTarget = {
  name: "checkpoint",
  open: (folder) => {
    const path = join(folder, "checkpoint.bin");
    const counts = {
      key: "key",
      epoch: 1,
      batches: 2,
      steps: 3,
      best: { epoch: 1, top1: 0.5 },
      seconds: 4,
    };
    const arrays = { one: Float32Array.of(1, 2), two: Float32Array.of(3) };
    writeCheckpoint(path, { ...counts, sums: { loss: 1 }, history: [], arrays });
    return {
      input: mutations([readFileBytes(path)], (file, random) => headed(file, random, 8, 4)),
      read: ({ bytes }) => {
        writeFileSync(path, bytes);
        readCheckpoint(path);
      },
    };
  },
};
