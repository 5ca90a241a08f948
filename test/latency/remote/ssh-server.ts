import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import type { SshOptions } from "../../../src/latency/remote/ssh/connection.ts";
import { type Host, parseHost } from "../../../src/latency/remote/ssh/host.ts";

const SSHD = ["/usr/sbin/sshd", "/usr/local/sbin/sshd", "/sbin/sshd"].find((path) =>
  existsSync(path),
);

const KEYGEN = "ssh-keygen";

/** Why there can be no server here; null where there can. */
export const NO_SSH_SERVER: string | null = reasonForNone();

function reasonForNone(): string | null {
  if (SSHD === undefined) return "no openssh server is installed";
  try {
    execFileSync("ssh", ["-V"], { stdio: "ignore" });
    execFileSync(KEYGEN, ["-?"], { stdio: "ignore" });
  } catch (error) {
    if (error instanceof Error && "code" in error && error.code === "ENOENT") {
      return "no openssh client is installed";
    }
  }
  return null;
}

export interface SshServer {
  readonly host: Host;
  /** The home folder of who logs in, in a folder of the test's own. */
  readonly home: string;
  readonly folder: string;
  readonly ssh: SshOptions;
  /** Arguments for the command line. */
  readonly args: readonly string[];
  /** Ends every session at once, as a cable that is pulled does; the server goes on. */
  readonly cut: () => void;
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly changeHostKey: () => void;
  readonly close: () => Promise<void>;
}

/**
 * An openssh server on the loopback address: own port, configuration, host key and user key. Sessions get a home folder of their own.
 * @param environment more variables for the sessions
 * @param before what a session's shell does before the command, as a user's own start-up file would
 */
export async function startSshServer(
  environment: Readonly<Record<string, string>> = {},
  before = "",
): Promise<SshServer> {
  const folder = mkdtempSync(join(tmpdir(), "mdp-sshd-"));
  const [home, port] = [join(folder, "home"), await freePort()];
  mkdirSync(home);
  const key = (name: string): void => {
    rmSync(join(folder, name), { force: true });
    const options = ["-q", "-t", "ed25519", "-N", "", "-f", join(folder, name)];
    execFileSync(KEYGEN, options);
  };
  for (const name of ["host", "user", "stranger"]) key(name);
  const publicKey = (name: string): string => readFileSync(join(folder, `${name}.pub`), "utf8");
  writeFileSync(join(folder, "authorized"), publicKey("user"), { mode: 0o600 });
  writeFileSync(join(folder, "known"), `[127.0.0.1]:${port} ${publicKey("host")}`);
  const session = join(folder, "session.sh");
  const variables = { HOME: home, ...environment };
  writeFileSync(
    session,
    [
      ...Object.entries(variables).map(([name, value]) => `export ${name}='${value}'`),
      "cd",
      before,
      'exec sh -c "$SSH_ORIGINAL_COMMAND"',
      "",
    ].join("\n"),
  );
  writeFileSync(
    join(folder, "sshd_config"),
    [
      `Port ${port}`,
      "ListenAddress 127.0.0.1",
      `HostKey ${join(folder, "host")}`,
      `AuthorizedKeysFile ${join(folder, "authorized")}`,
      `PidFile ${join(folder, "pid")}`,
      "StrictModes no",
      "UsePAM no",
      "PasswordAuthentication no",
      "KbdInteractiveAuthentication no",
      "PermitRootLogin yes",
      "MaxStartups 100",
      `ForceCommand sh ${session}`,
      "",
    ].join("\n"),
  );
  writeFileSync(
    join(folder, "ssh_config"),
    [
      "Host *",
      `  IdentityFile ${join(folder, "user")}`,
      "  IdentitiesOnly yes",
      "  IdentityAgent none",
      `  UserKnownHostsFile ${join(folder, "known")}`,
      "  GlobalKnownHostsFile /dev/null",
      "  StrictHostKeyChecking yes",
      "",
    ].join("\n"),
  );
  let server: ChildProcess | null = null;
  const start = async (): Promise<void> => {
    if (server !== null) return;
    // Root's server wants this folder, which a machine that never ran one doesn't have.
    if (process.getuid?.() === 0) mkdirSync("/run/sshd", { recursive: true, mode: 0o755 });
    server = spawn(SSHD ?? "sshd", ["-D", "-e", "-f", join(folder, "sshd_config")], {
      stdio: ["ignore", "ignore", "ignore"],
    });
    for (let tries = 0; tries < 1200 && !existsSync(join(folder, "pid")); tries += 1)
      await wait(50);
  };
  const cut = (): void => {
    for (const pid of descendants(server?.pid)) {
      try {
        process.kill(pid, "SIGKILL");
      } catch {
        // It has ended by itself meanwhile.
      }
    }
  };
  const stop = async (): Promise<void> => {
    if (server === null) return;
    cut();
    const ended = new Promise((resolve) => server?.once("exit", resolve));
    server.kill("SIGKILL");
    await ended;
    server = null;
    rmSync(join(folder, "pid"), { force: true });
  };
  await start();
  return {
    host: parseHost(`ssh://${userInfo().username}@127.0.0.1:${port}`),
    home,
    folder,
    ssh: { configFile: join(folder, "ssh_config") },
    args: [
      ...["--host", `ssh://${userInfo().username}@127.0.0.1:${port}`],
      ...["--ssh-config", join(folder, "ssh_config")],
    ],
    cut,
    start,
    stop,
    changeHostKey: () => {
      key("host");
    },
    close: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** sshd's own processes for sessions, not what they run: a lost connection leaves that alone. */
function descendants(pid: number | undefined): number[] {
  if (pid === undefined) return [];
  const listed = execFileSync("ps", ["-eo", "pid=,ppid=,comm="], { encoding: "utf8" });
  const rows = listed.split("\n").map((line) => line.trim().split(/\s+/));
  const below = (parent: number): number[] =>
    rows
      .filter(([, ppid, name]) => Number(ppid) === parent && name?.startsWith("sshd"))
      .flatMap(([child]) => [Number(child), ...below(Number(child))]);
  return below(pid);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.listen(0, "127.0.0.1", () => {
      const address = probe.address();
      probe.close(() => {
        resolve(typeof address === "object" && address !== null ? address.port : 0);
      });
    });
  });
}
