import { expect, test } from "vitest";
import type { WorkerBody } from "../../solvers/protocol.ts";
import { startThread } from "../../solvers/thread.ts";
import { knapsack } from "./models.ts";

// The bodies run in a thread as text: they may use nothing from this file.
const bodies = {
  mute: (port) => {
    port.onRequest(() => {});
    return Promise.resolve();
  },
  wild: (port) => {
    port.onRequest(() => process.exit(3));
    return Promise.resolve();
  },
  throwing: (port) => {
    port.onRequest(() => {
      throw new Error("out of memory");
    });
    return Promise.resolve();
  },
  spinning: (port) => {
    port.onRequest(() => {
      const values = Float64Array.of(1, 0, 1, 0);
      port.say({ kind: "incumbent", objective: 1e9, values });
      port.say({ kind: "progress", nodes: 3, bound: 40 });
      for (;;) Math.sqrt(2);
    });
    return Promise.resolve();
  },
  loading: async (port, packageUrl) => {
    await port.load(packageUrl);
  },
} satisfies Record<string, WorkerBody>;

const start = (name: keyof typeof bodies): ReturnType<typeof startThread> =>
  startThread(name, bodies[name], "file:///there/is/no/such/module.js");

test.each([
  ["wild", "ended with code 3"],
  ["throwing", "out of memory"],
  ["loading", "no/such/module"],
] as const)(
  "a thread that is %s gives a failed outcome, and counts as dead",
  async (name, message) => {
    const thread = start(name);
    const outcome = await thread.solve(knapsack, {});
    expect(outcome).toMatchObject({ status: "failed", incumbent: null });
    expect(outcome.status === "failed" && outcome.message).toContain(message);
    expect(thread.alive()).toBe(false);
  },
);

test("a thread that never answers is ended after its limit and a grace", async () => {
  const thread = start("mute");
  const outcome = await thread.solve(knapsack, { timeLimitSeconds: 0.1 });
  expect(outcome).toMatchObject({ status: "no-solution", reason: "time-limit" });
  expect(thread.alive()).toBe(false);
});

test("what a thread told before it had to be ended is the answer, its objective recomputed", async () => {
  const abort = new AbortController();
  const thread = start("spinning");
  const outcome = await thread.solve(knapsack, {
    signal: abort.signal,
    onProgress: ({ bound }) => {
      if (bound !== null) abort.abort();
    },
  });
  // The point is worth 3 + 5 + 10, whatever the thread says it is worth.
  expect(outcome).toMatchObject({
    status: "feasible",
    reason: "interrupted",
    objective: 18,
    bound: 40,
  });
});
