import { type BlockPlaces, BOX, type OpPlaces } from "./op-drawing.ts";
import type { Subject } from "./subject.ts";

type Ops = NonNullable<NonNullable<Subject["structure"]>["ops"]>;
type Op = Ops[number];

/** More boxes than this are nothing that can be read, and take long to place. */
const MOST_OPS = 400;

/** Places the ops of every block from top to bottom (the layered drawing of @dagrejs/dagre); null where the structure doesn't know its ops. */
export async function placeOps({
  structure,
}: Pick<Subject, "structure">): Promise<OpPlaces | null> {
  const ops = structure?.ops;
  if (ops === undefined) return null;
  const groups = new Map<string, Op[]>();
  for (const op of ops) {
    const block = op.block ?? "";
    const inside = groups.get(block) ?? [];
    inside.push(op);
    groups.set(block, inside);
  }
  const drawn = [...groups].filter(([, inside]) => inside.length > 1 && inside.length <= MOST_OPS);
  if (drawn.length === 0) return new Map();
  // Loaded where something is drawn.
  const { Graph, layout } = await import("@dagrejs/dagre");
  return new Map(
    drawn.map(([block, inside]) => {
      const graph = new Graph();
      graph.setGraph({ rankdir: "TB", nodesep: 18, ranksep: 26, marginx: 4, marginy: 4 });
      graph.setDefaultEdgeLabel(() => ({}));
      for (const [at] of inside.entries()) graph.setNode(String(at), { ...BOX });
      for (const [from, to] of arrowsAmong(inside)) graph.setEdge(String(from), String(to));
      layout(graph);
      return [block, placesOf(graph, inside)];
    }),
  );
}

function arrowsAmong(inside: Ops): (readonly [number, number])[] {
  const at = new Map(inside.map(({ id }, index) => [id, index]));
  return inside.flatMap(({ from }, to) =>
    from.flatMap((id) => {
      const start = at.get(id);
      return start === undefined ? [] : [[start, to] as const];
    }),
  );
}

/** Of a drawing by dagre, what is read here. */
interface Drawn {
  readonly graph: () => unknown;
  readonly node: (name: string) => unknown;
  readonly edges: () => unknown;
  readonly edge: (edge: never) => unknown;
}

function placesOf(drawn: Drawn, inside: Ops): BlockPlaces {
  const { width = 0, height = 0 } = drawn.graph() as { width?: number; height?: number };
  const places = inside.map(({ id }, at) => {
    const { x, y } = drawn.node(String(at)) as { x: number; y: number };
    return { id, x: Math.round(x), y: Math.round(y) };
  });
  const arrows = (drawn.edges() as never[]).map((edge) => {
    const { points = [] } = drawn.edge(edge) as { points?: { x: number; y: number }[] };
    return points.map(({ x, y }) => [Math.round(x), Math.round(y)] as const);
  });
  return { width: Math.ceil(width), height: Math.ceil(height), ops: places, arrows };
}
