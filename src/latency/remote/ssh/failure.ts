import { InputError, InterruptedError } from "../../../core/errors.ts";
import { printable } from "./host.ts";

/** Why ssh itself ended a command (exit code 255), as far as its own words tell. */
export type FailureKind =
  | "changed-host-key"
  | "unknown-host-key"
  | "denied"
  | "unknown-name"
  | "bad-configuration"
  | "unreachable"
  | "lost";

/** ssh's words, most telling first. They are not translated. */
const SIGNS: readonly (readonly [RegExp, FailureKind])[] = [
  [/REMOTE HOST IDENTIFICATION HAS CHANGED|host key .* has changed/i, "changed-host-key"],
  [/Host key verification failed|No .*host key is known/i, "unknown-host-key"],
  [/Permission denied|Too many authentication failures|No supported authentication/i, "denied"],
  [
    /Bad configuration option|Bad owner or permissions|Can't open user config|terminating, \d+ bad/i,
    "bad-configuration",
  ],
  [/unsupported option|keyword .* extra arguments|command-line.* line \d+/i, "bad-configuration"],
  [/Could not resolve hostname|Name or service not known/i, "unknown-name"],
  [
    /Connection refused|timed out|No route to host|Network is unreachable|Host is down/i,
    "unreachable",
  ],
  [/Connection (reset|closed)|Broken pipe|kex_exchange_identification/i, "lost"],
];

export function failureKind(stderr: string): FailureKind {
  return SIGNS.find(([sign]) => sign.test(stderr))?.[1] ?? "lost";
}

/** Whether trying again may help: a board that restarts answers later, a wrong key stays wrong. */
export function mayRecover(kind: FailureKind, wasConnected: boolean): boolean {
  if (kind === "lost" || kind === "unreachable") return true;
  // Names of boards that announce themselves are unknown while they restart.
  return kind === "unknown-name" && wasConnected;
}

const HINTS: Readonly<Record<FailureKind, string>> = {
  "changed-host-key":
    "Somebody may be in between, or the board was reinstalled. If you know that it was, remove its old key with `ssh-keygen -R`, then connect once by hand.",
  "unknown-host-key":
    "Connect once by hand with ssh and compare the key, then give the command again.",
  denied:
    "Put your public key on the board (`ssh-copy-id`) and load it into your agent: passwords are never asked for here.",
  "unknown-name": "Check the name, or add the host to your ssh configuration.",
  "bad-configuration": "Check --ssh-option, --ssh-config and your ssh configuration.",
  unreachable:
    "Check that the board is on, on the network, and that ssh runs there; then give the same command again: what was measured is kept.",
  lost: "Give the same command again: it resumes where it stopped.",
};

const WHATS: Readonly<Record<FailureKind, string>> = {
  "changed-host-key": "The board's host key is not the one that is known for it",
  "unknown-host-key": "The board's host key is not known yet",
  denied: "The board refuses to log in",
  "unknown-name": "The host's name is unknown",
  "bad-configuration": "ssh can't read its options",
  unreachable: "The board can't be reached",
  lost: "The connection to the board was lost",
};

/** The error for what ssh said: code `remote/` and the kind. */
export function sshFailure(kind: FailureKind, destination: string, stderr: string): InputError {
  const lines = stderr.split("\n").filter((line) => line.trim() !== "" && !line.includes("@@@@"));
  const said = printable(lines.at(-1) ?? "");
  return new InputError({
    code: `remote/${kind}`,
    message: `${WHATS[kind]}${said === "" ? "." : `: ${said.replace(/\.$/, "")}.`}`,
    where: destination,
    hint: HINTS[kind],
  });
}

export function noSsh(cause: unknown): InputError {
  return new InputError({
    code: "remote/no-ssh",
    message: "The ssh program can't be started on this machine.",
    hint: "Install an OpenSSH client, so that `ssh` is found on the path.",
    cause,
  });
}

/** What a board said that can't be understood or must not be trusted. */
export function badAnswer(destination: string, what: string, cause?: unknown): InputError {
  return new InputError({
    code: "remote/bad-answer",
    message: `The board's answer can't be used: ${what}.`,
    where: destination,
    hint: "Log in by hand and see that `sh` works there; the board's disk or runtime may be damaged. `mdp doctor --host` looks closer.",
    cause,
  });
}

export function remoteInterrupted(destination: string): InterruptedError {
  return new InterruptedError({
    code: "remote/interrupted",
    message: "Interrupted while the board was at work.",
    where: destination,
    hint: "Give the same command again: it goes on where it was.",
  });
}
