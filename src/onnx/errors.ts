import { InputError, MdpError } from "../core/errors.ts";

const EXPORT_AGAIN =
  "Copy or export the model again; the file is damaged or was written by a faulty tool.";

/** A file that can't be what it claims to be. */
export function damaged(
  code: string,
  message: string,
  where: string,
  hint: string = EXPORT_AGAIN,
): InputError {
  return new InputError({ code: `onnx/${code}`, message, where, hint });
}

/** The error with the file's name in front of where it happened; anything unforeseen becomes `onnx/not-onnx`. */
export function inFile(error: unknown, file: string): InputError {
  if (!(error instanceof MdpError)) {
    return new InputError({
      code: "onnx/not-onnx",
      message: `The file can't be decoded as ONNX: ${error instanceof Error ? error.message : String(error)}.`,
      where: file,
      hint: "It is truncated, damaged or not an ONNX model. Copy or export it again.",
      cause: error,
    });
  }
  if (error instanceof InputError && error.where?.startsWith(file)) return error;
  return new InputError({
    code: error.code,
    message: error.message,
    where: error.where === undefined ? file : `${file}, ${error.where}`,
    hint: error.hint,
    cause: error,
  });
}
