import type { Box, Placement } from "../../runtime/batches.ts";

/** An object that a network found. */
export interface Detection extends Omit<Box, "ignored"> {
  /** 0 to 1. */
  readonly score: number;
}

export interface SuppressOptions {
  /** Of two boxes of one class that overlap by more, the one with the lower score is removed; 0.65 unless given. */
  readonly iou?: number | undefined;
  /** Detections with lower scores are left out first; 0.01 unless given. */
  readonly score?: number | undefined;
  /** At most so many of one picture stay, the best ones; 100 unless given. */
  readonly most?: number | undefined;
}

/** Intersection over union of two boxes. */
export function overlap(a: Omit<Box, "label">, b: Omit<Box, "label">): number {
  const shared = intersection(a, b);
  return shared === 0 ? 0 : shared / (area(a) + area(b) - shared);
}

export function intersection(a: Omit<Box, "label">, b: Omit<Box, "label">): number {
  const width = Math.min(a.right, b.right) - Math.max(a.left, b.left);
  const height = Math.min(a.bottom, b.bottom) - Math.max(a.top, b.top);
  return width > 0 && height > 0 ? width * height : 0;
}

export function area({ left, top, right, bottom }: Omit<Box, "label">): number {
  return Math.max(0, right - left) * Math.max(0, bottom - top);
}

/** Non-maximum suppression, class by class: the best stays, what overlaps it too much goes, and so on. By falling score. */
export function suppressed(
  detections: readonly Detection[],
  { iou = 0.65, score = 0.01, most = 100 }: SuppressOptions = {},
): readonly Detection[] {
  const waiting = detections.filter((each) => each.score >= score);
  waiting.sort((a, b) => b.score - a.score);
  const kept: Detection[] = [];
  const ofClass = new Map<number, Detection[]>();
  for (const detection of waiting) {
    const same = ofClass.get(detection.label) ?? [];
    if (same.some((other) => overlap(other, detection) > iou)) continue;
    same.push(detection);
    ofClass.set(detection.label, same);
    kept.push(detection);
    if (kept.length === most) break;
  }
  return kept;
}

/** A detection in pixels of the network's input, on the original picture; sides are cut off at its border. */
export function onOriginal(detection: Detection, placement: Placement): Detection {
  const { scale, offset, height, width } = placement;
  const x = (at: number): number => Math.min(width, Math.max(0, (at - offset[1]) / scale[1]));
  const y = (at: number): number => Math.min(height, Math.max(0, (at - offset[0]) / scale[0]));
  const { left, top, right, bottom } = detection;
  return { ...detection, left: x(left), right: x(right), top: y(top), bottom: y(bottom) };
}
