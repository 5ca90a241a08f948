import type { Layer } from "../structure.ts";

/** More parts than this are a list of modules, not of components. */
const MOST_PARTS = 12;

/** Leading single layers with such a name are the stem, trailing ones the head. */
const STEM = /^(?:stem|(?:first_)?conv(?:_?(?:proj|stem|in|first))?|patch_?embed\w*|embed\w*)\d*$/i;
const HEAD =
  /^(?:heads?|\w*_head|fc|linear|dense|classifier|logits|output|(?:final_|last_)?conv(?:_?(?:head|out|last))?|proj\w*)\d*$/i;
/** The two sides of an hourglass are often numbered by level: `encoder1`, `upconv2`. */
const SIDES = [
  ["encoder", /^(?:enc(?:oder)?|down(?:_?conv)?)_?\d+$/i],
  ["decoder", /^(?:dec(?:oder)?|up(?:_?conv)?)_?\d+$/i],
] as const;

/** Layers by part, in the order of their first layer. */
export type Parts = ReadonlyMap<string, readonly number[]>;

/**
 * Parts of a network by its layers' names: the longest common prefix is taken off, and the next piece of the path names the
 * part (`backbone.layer1.0.conv1`, ... are `layer1`, ... where every name begins with `backbone`). Null where the names don't
 * split the layers into a few parts: numbered ops, one part, or as many parts as layers.
 */
export function partsFromNames(layers: readonly Layer[]): Parts | null {
  const paths = layers.map(({ name }) => name.split(/[./]/));
  const depth = commonDepth(paths);
  const parts = new Map<string, number[]>();
  for (const [index, path] of paths.entries()) {
    const name = sideOf(path[depth] ?? path.at(-1) ?? "");
    parts.set(name, [...(parts.get(name) ?? []), index]);
  }
  if ([...parts.keys()].some((name) => /^\d*$/.test(name))) return null;
  const merged = withEnds(parts);
  const shared = [...merged.values()].filter((members) => members.length > 1);
  const inPaths = paths.filter((path) => path.length > depth + 1).length;
  const splits = merged.size >= 2 && merged.size <= MOST_PARTS && merged.size < layers.length;
  return splits && shared.length > 0 && inPaths * 2 >= layers.length ? merged : null;
}

/** How many leading pieces all paths have in common; a path is never used up. */
function commonDepth(paths: readonly (readonly string[])[]): number {
  const [first = []] = paths;
  let depth = 0;
  const isShared = (path: readonly string[]): boolean =>
    path.length > depth + 1 && path[depth] === first[depth];
  while (paths.length > 1 && paths.every(isShared)) depth += 1;
  return depth;
}

function sideOf(name: string): string {
  return SIDES.find(([, pattern]) => pattern.test(name))?.[0] ?? name;
}

/** The first single layers as one part, `stem`, and the last ones as another, `head`, where their names say so. */
function withEnds(parts: ReadonlyMap<string, readonly number[]>): Map<string, readonly number[]> {
  const list = [...parts];
  const isSingle = (at: number, pattern: RegExp): boolean => {
    const [name = "", members = []] = list[at] ?? [];
    return members.length === 1 && pattern.test(name);
  };
  let first = 0;
  while (first < list.length && isSingle(first, STEM)) first += 1;
  let last = list.length;
  while (last > first && isSingle(last - 1, HEAD)) last -= 1;
  const layersOf = (from: number, to: number): readonly number[] =>
    list.slice(from, to).flatMap(([, members]) => members);
  const middle = new Map(list.slice(first, last));
  return new Map<string, readonly number[]>([
    ...(first === 0 || middle.has("stem")
      ? list.slice(0, first)
      : [["stem", layersOf(0, first)] as const]),
    ...middle,
    ...(last === list.length || middle.has("head")
      ? list.slice(last)
      : [["head", layersOf(last, list.length)] as const]),
  ]);
}
