/** The window of a convolution or pool with every number known. */
import type { Window } from "../graph/op.ts";

export interface StaticWindow {
  readonly kernel: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  /** Padding before each spatial axis. */
  readonly begins: readonly number[];
  /** Padding after each spatial axis; windows that would hang over it are left out. */
  readonly ends: readonly number[];
}

/**
 * A window with its padding resolved.
 * @param large spatial extents of the side with more elements (the input of a convolution, the output of its transpose)
 * @param small spatial extents of the other side: one element per window
 */
export function staticWindow(
  window: Window,
  kernel: readonly number[],
  large: readonly number[],
  small: readonly number[],
): StaticWindow {
  const axes = kernel.length;
  const strides = kernel.map((_, axis) => window.strides[axis] ?? 1);
  const dilations = kernel.map((_, axis) => window.dilations[axis] ?? 1);
  if (window.autoPad === "NOTSET") {
    const begins = kernel.map((_, axis) => window.pads[axis] ?? 0);
    const ends = kernel.map((_, axis) => window.pads[axis + axes] ?? 0);
    return { kernel, strides, dilations, begins, ends };
  }
  const totals = kernel.map((extent, axis) => {
    if (window.autoPad === "VALID") return 0;
    const covered = ((small[axis] ?? 1) - 1) * (strides[axis] ?? 1);
    return Math.max(covered + (extent - 1) * (dilations[axis] ?? 1) + 1 - (large[axis] ?? 1), 0);
  });
  const lower = window.autoPad === "SAME_LOWER";
  const begins = totals.map((total) => (lower ? Math.ceil(total / 2) : Math.floor(total / 2)));
  const ends = totals.map((total, axis) => total - (begins[axis] ?? 0));
  return { kernel, strides, dilations, begins, ends };
}

/** Elements that one window spans along an axis. */
export function reachOf({ kernel, dilations }: StaticWindow, axis: number): number {
  return ((kernel[axis] ?? 1) - 1) * (dilations[axis] ?? 1) + 1;
}

/** The positions inside a window, row-major; one coordinate per spatial axis. */
export function tapsOf(kernel: readonly number[]): readonly (readonly number[])[] {
  return kernel.reduce<readonly (readonly number[])[]>(
    (taps, extent) =>
      taps.flatMap((tap) => Array.from({ length: extent }, (_, index) => [...tap, index])),
    [[]],
  );
}

/** Attributes of a node with this window. */
export function windowAttributes(window: StaticWindow): {
  readonly kernel_shape: readonly number[];
  readonly strides: readonly number[];
  readonly dilations: readonly number[];
  readonly pads: readonly number[];
} {
  return {
    kernel_shape: window.kernel,
    strides: window.strides,
    dilations: window.dilations,
    pads: [...window.begins, ...window.ends],
  };
}
