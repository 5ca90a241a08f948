import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { openBoard } from "../../../src/latency/remote/board.ts";
import { probeBoard } from "../../../src/latency/remote/probe/facts.ts";
import { openConnection } from "../../../src/latency/remote/ssh/connection.ts";
import { retryingCaller } from "../../../src/latency/remote/ssh/retry.ts";
import { NO_SSH_SERVER, type SshServer, startSshServer } from "./ssh-server.ts";

describe.skipIf(NO_SSH_SERVER !== null)("a board over ssh", () => {
  let server: SshServer;
  beforeAll(async () => {
    server = await startSshServer({}, "echo Welcome to the board; echo noise >&2");
  });
  afterAll(async () => {
    await server.close();
  });

  test("says what is there, whatever a login prints before", async () => {
    const connection = openConnection(server.host, server.ssh);
    const call = retryingCaller(connection, { waitSeconds: [], sleep: async () => {}, note: () => {} });
    const facts = await probeBoard(call, "board", { node: process.execPath, modules: process.cwd() });
    console.log(facts);
    const board = await openBoard(call, "board", "campaign");
    await board.put("file.bin", new Uint8Array([1, 2, 0, 255]));
    expect(await board.get("file.bin")).toEqual(Buffer.from([1, 2, 0, 255]));
    await board.exec({ name: "job", argv: ["sh", "-c", "echo 'a b'; exit 0"], limitSeconds: 10 });
    expect((await board.get("job.out"))?.toString()).toBe("a b\n");
    await connection.close();
  });
});
