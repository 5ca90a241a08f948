import { expect, test } from "vitest";
import { failureKind, mayRecover } from "../../../src/latency/remote/ssh/failure.ts";
import { parseHost, printable, slugOf } from "../../../src/latency/remote/ssh/host.ts";

test.each([
  ["orin", "orin", "orin"],
  ["me@orin.local", "me@orin.local", "orin-local"],
  ["ssh://me@192.168.1.7:2222", "ssh://me@192.168.1.7:2222", "192-168-1-7"],
  ["me@orin:2222", "ssh://me@orin:2222", "orin"],
  ["[fe80::1]", "fe80::1", "fe80-1"],
])("the host '%s' goes to ssh as '%s'", (text, destination, slug) => {
  expect(parseHost(text)).toEqual({ destination, slug });
});

test.each([
  "",
  "-oProxyCommand=touch owned",
  "a b",
  "near;touch owned",
  "$(id)@near",
  "me@-near",
  "near\n",
  "near:99999",
  "ssh://",
  "a@b@c",
])("'%s' is no host", (text) => {
  expect(() => parseHost(text)).toThrow(expect.objectContaining({ code: "remote/bad-host" }));
});

test("names for files and text for terminals hold nothing that could do harm", () => {
  expect(slugOf("../../etc/Passwd")).toBe("etc-passwd");
  expect(slugOf("\u202e//")).toBe("board");
  expect(printable("a\u001b[31mb\r\nc\u0000")).toBe("a [31mb c");
  expect(printable("x".repeat(300))).toHaveLength(203);
});

test.each([
  ["ssh: connect to host b port 22: Connection refused", "unreachable"],
  ["ssh: connect to host b port 22: Connection timed out", "unreachable"],
  ["ssh: Could not resolve hostname b: Name or service not known", "unknown-name"],
  ["me@b: Permission denied (publickey).", "denied"],
  [
    "@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\n@@@\nHost key verification failed.",
    "changed-host-key",
  ],
  [
    "No ED25519 host key is known for b and you have requested strict checking.",
    "unknown-host-key",
  ],
  ["client_loop: send disconnect: Broken pipe", "lost"],
  ["Connection to b closed by remote host.", "lost"],
  ["command-line: line 0: Bad configuration option: porto", "bad-configuration"],
  ["", "lost"],
] as const)("what ssh says, '%s', is '%s'", (words, kind) => {
  expect(failureKind(words)).toBe(kind);
});

test("only what time can mend is tried again", () => {
  expect(mayRecover("lost", false)).toBe(true);
  expect(mayRecover("unknown-name", false)).toBe(false);
  expect(mayRecover("unknown-name", true)).toBe(true);
  expect(mayRecover("changed-host-key", true)).toBe(false);
  expect(mayRecover("denied", true)).toBe(false);
});
