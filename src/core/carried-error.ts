import {
  type ErrorDetails,
  EXIT,
  type ExitCode,
  InputError,
  InternalError,
  MdpError,
} from "./errors.ts";

/** An error on its way between threads or processes, which carry plain data only. */
export interface CarriedError {
  readonly details: Omit<ErrorDetails, "cause">;
  readonly exitCode: ExitCode;
}

/** What an error says; one that this project did not throw on purpose has the code `internal`. */
export function carriedError(error: unknown): CarriedError {
  if (error instanceof MdpError) {
    const { code, message, where, hint, exitCode } = error;
    return { details: { code, message, where, hint }, exitCode };
  }
  const message = error instanceof Error ? error.message : String(error);
  return { details: { code: "internal", message }, exitCode: EXIT.internal };
}

/** The error as it was thrown elsewhere; bad input and faults of ours are told by their class, too. */
export function arrivedError({ details, exitCode }: CarriedError): MdpError {
  if (exitCode === EXIT.input) return new InputError(details);
  if (exitCode === EXIT.internal) return new InternalError(details);
  return new MdpError(details, exitCode);
}
