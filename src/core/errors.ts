/** What an error carries: what happened, where, and how to fix it. */
export interface ErrorDetails {
  /** Stable identifier, `room/what-happened`; tests match this, not the prose. */
  readonly code: string;
  /** What happened, with numbers. */
  readonly message: string;
  /** File, node, dim or option that it happened at. */
  readonly where?: string | undefined;
  /** How to fix it. */
  readonly hint?: string | undefined;
  readonly cause?: unknown;
}

/** Exit codes of the command line; one per family of errors. */
export const EXIT = {
  done: 0,
  internal: 1,
  usage: 2,
  input: 3,
  infeasible: 4,
  limit: 5,
  verification: 6,
  metric: 7,
  interrupted: 130,
} as const;

export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** The base of every error that this project throws on purpose. */
export class MdpError extends Error {
  readonly code: string;
  readonly where: string | undefined;
  readonly hint: string | undefined;
  readonly exitCode: ExitCode;

  constructor(details: ErrorDetails, exitCode: ExitCode) {
    super(details.message, details.cause === undefined ? undefined : { cause: details.cause });
    this.name = new.target.name;
    this.code = details.code;
    this.where = details.where;
    this.hint = details.hint;
    this.exitCode = exitCode;
  }
}

/** The project's own fault: a state that should not be reachable. */
export class InternalError extends MdpError {
  constructor(details: ErrorDetails) {
    super(details, EXIT.internal);
  }
}

/** A command line or option that can't be understood. */
export class UsageError extends MdpError {
  constructor(details: ErrorDetails) {
    super(details, EXIT.usage);
  }
}

/** Input that is missing, damaged, contradictory or not supported. */
export class InputError extends MdpError {
  constructor(details: ErrorDetails) {
    super(details, EXIT.input);
  }
}

/** No subnet meets the budgets. */
export class InfeasibleError extends MdpError {
  constructor(details: ErrorDetails) {
    super(details, EXIT.infeasible);
  }
}

/** A limit on time or memory was reached without an answer. */
export class LimitError extends MdpError {
  constructor(details: ErrorDetails) {
    super(details, EXIT.limit);
  }
}

/** A proof failed: two ways to compute one thing disagree. */
export class VerificationError extends MdpError {
  constructor(details: ErrorDetails) {
    super(details, EXIT.verification);
  }
}

/** A metric that the user requires was missed. */
export class MetricError extends MdpError {
  constructor(details: ErrorDetails) {
    super(details, EXIT.metric);
  }
}

/** The user interrupted the work. */
export class InterruptedError extends MdpError {
  constructor(details: ErrorDetails) {
    super(details, EXIT.interrupted);
  }
}
