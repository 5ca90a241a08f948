/** Signed distance to an outline that fits into the unit circle: negative inside, in units of that circle's radius. */
export type Outline = (x: number, y: number) => number;

/** Vertices in order, x and y alternating. */
export type Polygon = readonly number[];

/** Cosine and sine of a full turn divided by the count: literals, so that no platform's own trigonometry decides a byte. */
const STEP = {
  3: [-0.5, 0.8660254037844386],
  4: [0, 1],
  5: [0.30901699437494745, 0.9510565162951535],
  6: [0.5, 0.8660254037844386],
  10: [0.8090169943749475, 0.5877852522924731],
} as const;

/** Corners on circles of the given radii, which take turns: one radius is a regular polygon, two a star. */
function around(count: keyof typeof STEP, radii: readonly number[]): Polygon {
  const [cosine, sine] = STEP[count];
  const points: number[] = [];
  let x = 0;
  let y = -1;
  for (let corner = 0; corner < count; corner += 1) {
    const radius = radii[corner % radii.length] ?? 1;
    points.push(x * radius, y * radius);
    [x, y] = [x * cosine - y * sine, x * sine + y * cosine];
  }
  return points;
}

interface Edge {
  readonly fromX: number;
  readonly fromY: number;
  readonly toY: number;
  readonly alongX: number;
  readonly alongY: number;
  readonly lengthSquared: number;
}

function edgesOf(points: Polygon): Edge[] {
  const edges: Edge[] = [];
  let [fromX = 0, fromY = 0] = points.slice(-2);
  for (let at = 0; at < points.length; at += 2) {
    const [toX = 0, toY = 0] = points.slice(at, at + 2);
    const [alongX, alongY] = [toX - fromX, toY - fromY];
    const lengthSquared = alongX * alongX + alongY * alongY;
    edges.push({ fromX, fromY, toY, alongX, alongY, lengthSquared });
    [fromX, fromY] = [toX, toY];
  }
  return edges;
}

/** Exact signed distance to a simple polygon: the nearest edge, with the sign of the crossing parity. */
export function polygonOutline(points: Polygon): Outline {
  const edges = edgesOf(points);
  return (x, y) => {
    let nearest = Number.POSITIVE_INFINITY;
    let inside = false;
    for (const { fromX, fromY, toY, alongX, alongY, lengthSquared } of edges) {
      const share = ((x - fromX) * alongX + (y - fromY) * alongY) / lengthSquared;
      const clamped = share < 0 ? 0 : share > 1 ? 1 : share;
      const offX = x - fromX - clamped * alongX;
      const offY = y - fromY - clamped * alongY;
      nearest = Math.min(nearest, offX * offX + offY * offY);
      const crosses = fromY > y !== toY > y;
      if (crosses && x < fromX + ((y - fromY) * alongX) / alongY) inside = !inside;
    }
    const distance = Math.sqrt(nearest);
    return inside ? -distance : distance;
  };
}

function disc(centreX: number, centreY: number, radius: number): Outline {
  return (x, y) =>
    Math.sqrt((x - centreX) * (x - centreX) + (y - centreY) * (y - centreY)) - radius;
}

function without(outer: Outline, inner: Outline): Outline {
  return (x, y) => Math.max(outer(x, y), -inner(x, y));
}

const CROSS: Polygon = [
  -0.3, -0.95, 0.3, -0.95, 0.3, -0.3, 0.95, -0.3, 0.95, 0.3, 0.3, 0.3, 0.3, 0.95, -0.3, 0.95, -0.3,
  0.3, -0.95, 0.3, -0.95, -0.3, -0.3, -0.3,
];
const ARROW: Polygon = [
  0, -1, 0.8, -0.05, 0.32, -0.05, 0.32, 0.9, -0.32, 0.9, -0.32, -0.05, -0.8, -0.05,
];

/** The ten classes, in the order of their labels. */
export const SHAPES: readonly { readonly name: string; readonly outline: Outline }[] = [
  { name: "circle", outline: disc(0, 0, 0.9) },
  { name: "triangle", outline: polygonOutline(around(3, [1])) },
  { name: "square", outline: polygonOutline(around(4, [1])) },
  { name: "pentagon", outline: polygonOutline(around(5, [0.97])) },
  { name: "hexagon", outline: polygonOutline(around(6, [0.95])) },
  { name: "star", outline: polygonOutline(around(10, [1, 0.45])) },
  { name: "cross", outline: polygonOutline(CROSS) },
  { name: "ring", outline: without(disc(0, 0, 0.92), disc(0, 0, 0.52)) },
  { name: "crescent", outline: without(disc(0, 0, 0.95), disc(0.45, 0, 0.72)) },
  { name: "arrow", outline: polygonOutline(ARROW) },
];
