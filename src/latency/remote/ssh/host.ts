import { UsageError } from "../../../core/errors.ts";

/** A board as ssh knows it: a name of the user's ssh configuration, or user@host, or ssh://user@host:port. */
export interface Host {
  /** As it goes to ssh, one argument. */
  readonly destination: string;
  /** Without user and port, in characters that suit a file name. */
  readonly slug: string;
}

/** Names, addresses and IPv6 in brackets; a leading minus would be an option of ssh. */
const DESTINATION =
  /^(?:ssh:\/\/)?(?:([A-Za-z0-9_][A-Za-z0-9_.-]*)@)?([A-Za-z0-9_][A-Za-z0-9_.-]*|\[[0-9A-Fa-f:.]+\])(?::(\d{1,5}))?$/;

/**
 * Reads `--host`.
 * @throws UsageError `remote/bad-host`
 */
export function parseHost(text: string): Host {
  const match = DESTINATION.exec(text);
  const [, user, name, port] = match ?? [];
  if (name === undefined || Number(port ?? 1) > 65_535) {
    throw new UsageError({
      code: "remote/bad-host",
      message: `'${printable(text)}' is no host that ssh could be given.`,
      where: "--host",
      hint: "Write user@board, user@192.168.1.7, ssh://user@board:2222, or a name of your ssh configuration.",
    });
  }
  // ssh reads host:port only behind ssh://.
  const login = user === undefined ? name : `${user}@${name}`;
  return {
    destination: port === undefined ? login.replace(/[[\]]/g, "") : `ssh://${login}:${port}`,
    slug: slugOf(name),
  };
}

/** Lower-case letters, digits and single minus signs; "board" where nothing is left. */
export function slugOf(text: string): string {
  const slug = text
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");
  return slug === "" ? "board" : slug.slice(0, 60);
}

/** What came from outside, fit for a terminal: no control characters, and not too long. */
export function printable(text: string, longest = 200): string {
  const plain = text.replace(/[^\x20-\x7e\u00a1-\u024f]+/g, " ").trim();
  return plain.length <= longest ? plain : `${plain.slice(0, longest)}...`;
}
