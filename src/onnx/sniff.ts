interface Guess {
  readonly what: string;
  readonly hint: string;
}

const UNPACK = "Unpack it first and name the .onnx file inside.";
const EXPORT = "Export the network to ONNX with its framework, and name that file.";
const WRONG_FILE = "Check the path: this file was probably not the one you meant.";

/** First bytes of files that people mistake for models. */
const SIGNATURES: readonly (readonly [readonly number[] | string, Guess])[] = [
  [
    "version https://git-lfs",
    {
      what: "a Git LFS pointer, not the file itself",
      hint: "Run `git lfs pull` where it came from.",
    },
  ],
  [
    "PK\u0003\u0004",
    {
      what: "a zip archive (PyTorch checkpoints are such)",
      hint: `${UNPACK} If it is a PyTorch checkpoint, export it to ONNX.`,
    },
  ],
  [[0x1f, 0x8b], { what: "a gzip archive", hint: UNPACK }],
  [[0x28, 0xb5, 0x2f, 0xfd], { what: "a zstd archive", hint: UNPACK }],
  [[0xfd, 0x37, 0x7a, 0x58], { what: "an xz archive", hint: UNPACK }],
  [[0xff, 0xd8, 0xff], { what: "a JPEG image", hint: WRONG_FILE }],
  [[0x89, 0x50, 0x4e, 0x47], { what: "a PNG image", hint: WRONG_FILE }],
  [[0x89, 0x48, 0x44, 0x46], { what: "an HDF5 file (Keras weights are such)", hint: EXPORT }],
  [[0x80, 0x02], { what: "a Python pickle", hint: EXPORT }],
  ["%PDF", { what: "a PDF document", hint: WRONG_FILE }],
  [
    "ORTM",
    { what: "a model in onnxruntime's own format", hint: "Name the .onnx file it was made from." },
  ],
];

/** What a file that is no ONNX model seems to be, from its first bytes; null where they tell nothing. */
export function guessFormat(bytes: Uint8Array): Guess | null {
  const signature = SIGNATURES.find(([start]) => startsWith(bytes, start));
  if (signature !== undefined) return signature[1];
  if (startsWith(bytes.subarray(4), "TFL3"))
    return { what: "a TensorFlow Lite model", hint: EXPORT };
  if (startsWith(bytes.subarray(4), "ORTM")) {
    return {
      what: "a model in onnxruntime's own format",
      hint: "Name the .onnx file it was made from.",
    };
  }
  const head = bytes.subarray(0, 512);
  const text = head.every(
    (byte) => byte === 9 || byte === 10 || byte === 13 || (byte >= 32 && byte < 127),
  );
  return text ? { what: "text", hint: WRONG_FILE } : null;
}

function startsWith(bytes: Uint8Array, start: readonly number[] | string): boolean {
  const codes = typeof start === "string" ? [...Buffer.from(start, "latin1")] : start;
  return codes.every((code, index) => bytes[index] === code);
}
