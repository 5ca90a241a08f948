import { afterAll, beforeAll } from "vitest";
import type { Python } from "../../src/pytorch/python.ts";
import { type ModuleCase, type ModuleRun, openTorch, type TorchProcess } from "./run-module.ts";

/** Runs modules in one Python process, which lives as long as the tests of the file that calls this. */
export function torchForTests(python: Python | null): (one: ModuleCase) => Promise<ModuleRun> {
  let torch: TorchProcess | null = null;
  beforeAll(() => {
    if (python !== null) torch = openTorch(python);
  });
  afterAll(() => {
    torch?.close();
  });
  return async (one) => {
    if (torch === null) throw new Error("no PyTorch");
    return torch.run(one);
  };
}
