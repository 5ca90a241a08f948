import { findPython, type Python } from "../../src/pytorch/python.ts";

/** A Python with PyTorch; null where there is none, and tests that need it are skipped. */
export type Torch = Python & { readonly torch: string };

let found: Promise<Torch | null> | null = null;

/** Why tests that decode images in Python are skipped; null where they run. */
export function lacksImages(python: Torch | null): string | null {
  if (python === null) return "no PyTorch";
  const lacking = python.missing.filter((name) => name === "numpy" || name === "Pillow");
  return lacking.length === 0 ? null : `PyTorch without ${lacking.join(", ")}`;
}

/** Looks once per process. */
export function torchPython(): Promise<Torch | null> {
  found ??= findPython().then((python) =>
    python === null || python.torch === null ? null : { ...python, torch: python.torch },
  );
  return found;
}
