import { chosenOf, goneOps } from "./chosen.ts";
import type { Subject } from "./subject.ts";

/** Where an op's box is in the drawing of its block: its middle. */
export interface OpPlace {
  readonly id: string;
  readonly x: number;
  readonly y: number;
}

/** Boxes and arrows of a block's ops, in units of a pixel. */
export interface BlockPlaces {
  readonly width: number;
  readonly height: number;
  readonly ops: readonly OpPlace[];
  /** Corners of each arrow. */
  readonly arrows: readonly (readonly (readonly [number, number])[])[];
}

/** By the name of the block; "" stands for what is outside of all blocks. */
export type OpPlaces = ReadonlyMap<string, BlockPlaces>;

/** What the page's script draws where a block is opened. */
export interface BlockDrawing extends Omit<BlockPlaces, "ops"> {
  readonly ops: readonly {
    readonly x: number;
    readonly y: number;
    readonly kind: string;
    /** Its layer's name, or its id. */
    readonly name: string;
    /** These are absent for false. */
    readonly isGone?: true;
    readonly isLayer?: true;
  }[];
}

export const BOX = { width: 132, height: 34 } as const;

/** The drawings with what went struck out. */
export function drawingsOf(
  subject: Subject,
  places: OpPlaces | null,
): Readonly<Record<string, BlockDrawing>> {
  const { structure } = subject;
  if (structure === null || places === null) return {};
  const kinds = new Map((structure.ops ?? []).map(({ id, opType }) => [id, opType]));
  const layers = new Map(structure.layers.map(({ node, name }) => [node, name]));
  const chosen = chosenOf(subject);
  const gone = chosen === null ? new Set<string>() : goneOps(structure, chosen);
  return Object.fromEntries(
    [...places].map(([block, { width, height, ops, arrows }]) => [
      block,
      {
        ...{ width, height, arrows },
        ops: ops.map(({ id, x, y }) => {
          const layer = layers.get(id);
          return {
            ...{ x, y },
            kind: kinds.get(id) ?? "",
            name: (layer ?? id).slice(0, 300),
            ...(layer === undefined ? {} : { isLayer: true as const }),
            ...(gone.has(id) ? { isGone: true as const } : {}),
          };
        }),
      },
    ]),
  );
}
