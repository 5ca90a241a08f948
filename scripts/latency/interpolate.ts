import type { KnownCell, OpCell } from "../../src/latency/cells/cell.ts";

interface Point {
  readonly x: number;
  readonly y: number;
  readonly value: number;
}

/**
 * Linear interpolation of log(ms) over (log input channels, log output channels): inside the known points on their Delaunay
 * triangle, outside at the nearest point. Null where nothing is known.
 *
 * The Delaunay triangle of a place is, of all triangles of points that hold it, the one that lies lowest there when
 * every point is lifted to x^2 + y^2 (Edelsbrunner & Seidel, 1986); with a dozen points per group all can be tried.
 *
 * @param known cells of one group; those at the same channels count as one, at their mean
 */
export function interpolateInGroup(known: readonly KnownCell[], cell: OpCell): number | null {
  const at = placeOf(cell);
  const points = pointsOf(known);
  if (points.length === 0) return null;
  const same = points.find((point) => distance(point, at) < 1e-9);
  const value = same?.value ?? onTriangle(points, at) ?? nearest(points, at)?.value;
  return value === undefined ? null : Math.exp(value);
}

type Place = Pick<Point, "x" | "y">;

function placeOf({ inChannels, outChannels }: OpCell): Place {
  return { x: Math.log(inChannels), y: Math.log(outChannels) };
}

function pointsOf(known: readonly KnownCell[]): Point[] {
  const groups = new Map<string, KnownCell[]>();
  for (const cell of known) {
    const key = `${cell.inChannels} ${cell.outChannels}`;
    groups.set(key, [...(groups.get(key) ?? []), cell]);
  }
  return [...groups.values()].flatMap((cells) => {
    const [first] = cells;
    if (first === undefined) return [];
    const sum = cells.reduce((total, { ms }) => total + Math.log(ms), 0);
    return [{ ...placeOf(first), value: sum / cells.length }];
  });
}

function distance(a: Place, b: Place): number {
  return (a.x - b.x) ** 2 + (a.y - b.y) ** 2;
}

function nearest(points: readonly Point[], at: Place): Point | undefined {
  return points.reduce<Point | undefined>(
    (best, point) =>
      best === undefined || distance(point, at) < distance(best, at) ? point : best,
    undefined,
  );
}

function onTriangle(points: readonly Point[], at: Place): number | null {
  // Heights over the place itself: the lowest triangle is the same, and smaller numbers lose less.
  const near = points.map((point) => ({
    x: point.x - at.x,
    y: point.y - at.y,
    value: point.value,
    height: distance(point, at),
  }));
  let lowest = Number.POSITIVE_INFINITY;
  let value: number | null = null;
  for (const [i, a] of near.entries()) {
    for (const [j, b] of near.slice(0, i).entries()) {
      for (const c of near.slice(0, j)) {
        const weights = barycentric(a, b, c);
        if (weights === null) continue;
        const [wa, wb, wc] = weights;
        const height = wa * a.height + wb * b.height + wc * c.height;
        if (height >= lowest) continue;
        lowest = height;
        value = wa * a.value + wb * b.value + wc * c.value;
      }
    }
  }
  return value;
}

/** Weights of the corners at the origin; null where it is outside. */
function barycentric(a: Place, b: Place, c: Place): readonly [number, number, number] | null {
  const area = (b.x - a.x) * (c.y - a.y) - (c.x - a.x) * (b.y - a.y);
  if (Math.abs(area) < 1e-9) return null;
  const wa = (b.x * c.y - c.x * b.y) / area;
  const wb = (c.x * a.y - a.x * c.y) / area;
  const wc = 1 - wa - wb;
  return Math.min(wa, wb, wc) < -1e-9 ? null : [wa, wb, wc];
}
