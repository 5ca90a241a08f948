import { expect, test } from "vitest";
import { loadWarning, type ProcessorTime, watchMachine } from "../../src/runtime/machine-load.ts";

function watched(to: Partial<ProcessorTime>): ReturnType<ReturnType<typeof watchMachine>> {
  const from = { passed: 1000, busy: 50_000, own: 7000, cores: 2 };
  const times = [from, { ...from, ...to }];
  return watchMachine(() => times.shift() ?? from)();
}

test("a machine is loaded by what other programs do, not by this one, also before it was watched", () => {
  const busy = watched({ passed: 11_000, busy: 69_000, own: 12_000 });
  expect(busy).toEqual({ others: 1.4, cores: 2, isLoaded: true });
  expect(loadWarning(busy)).toContain("other programs used 1.4 of its 2 cores");
  const idle = watched({ passed: 11_000, busy: 61_000, own: 17_000 });
  expect(idle).toEqual({ others: 0.1, cores: 2, isLoaded: false });
  expect(loadWarning(idle)).toBeNull();
});

test("counts that are rounded apart make no negative load, and none above all cores", () => {
  expect(watched({ passed: 2000, busy: 50_990, own: 8000 }).others).toBe(0);
  expect(watched({ passed: 2000, busy: 60_000 }).others).toBe(2);
});

test("a load that isn't known is not called idle or busy", () => {
  expect(watched({ passed: 1010, busy: 59_000 })).toMatchObject({ others: null, isLoaded: false });
  expect(watched({ passed: 9000, cores: 0 })).toMatchObject({ others: null, isLoaded: false });
});

test("the machine's own counters count this program's work as its own", async () => {
  const until = performance.now() + 700;
  const tell = watchMachine();
  let sum = 0;
  while (performance.now() < until) sum += Math.sqrt(sum + 1);
  const { others, cores } = tell();
  expect(sum).toBeGreaterThan(0);
  expect(others).toBeLessThanOrEqual(cores);
});
