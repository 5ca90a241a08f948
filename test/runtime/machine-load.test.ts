import { expect, test } from "vitest";
import { loadWarning, machineLoad, mostLoaded } from "../../src/runtime/machine-load.ts";

test("a machine is loaded by what other programs do, not by this one", () => {
  const busy = machineLoad(1, 2.4, 2);
  expect(busy).toMatchObject({ isLoaded: true, cores: 2 });
  expect(loadWarning(busy)).toContain("1.4 threads of other programs wanted its 2 cores");
  const idle = machineLoad(1, 1.1, 2);
  expect(idle.isLoaded).toBe(false);
  expect(loadWarning(idle)).toBeNull();
  expect(mostLoaded(idle, busy)).toBe(busy);
});

test("a load that isn't known is not called idle or busy", () => {
  expect(machineLoad(0, 0, 0)).toMatchObject({ others: null, isLoaded: false });
});
