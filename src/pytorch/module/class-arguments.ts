/** What differs between the instances of a class: its arguments, and what they are called. */
import type { Hole } from "./pieces.ts";

export interface Argument {
  readonly name: string;
  /** For settings that most instances share: their value, left out where an instance has it. */
  readonly fallback: string | null;
  /** The role that it plays for whoever makes an instance. */
  readonly role: string;
  /** The forward pass reads it too. */
  readonly kept: boolean;
  /** Which of the class's holes it fills. */
  readonly holes: ReadonlySet<number>;
}

const WIDTHS: ReadonlySet<string> = new Set([
  "in",
  "out",
  "width",
  "size",
  "start",
  "end",
  "groups",
]);

function isWidth(role: string): boolean {
  return (
    WIDTHS.has(role) || role.endsWith("_out") || (role.endsWith("_size") && role !== "kernel_size")
  );
}

/** Holes that differ between the instances, those that are always equal to each other as one argument. */
export function argumentsOf(
  filled: readonly (readonly Hole[])[],
  inInit: number,
): readonly Argument[] {
  const [first = []] = filled;
  const groups = new Map<string, number[]>();
  for (const [index, hole] of first.entries()) {
    const values = filled.map((holes) => holes[index]?.literal ?? "");
    if (values.every((value) => value === values[0])) continue;
    const key = JSON.stringify([isWidth(hole.role) ? "width" : hole.role, values]);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [index]);
    else group.push(index);
  }
  const found = [...groups.values()].map((indices) => {
    const width = indices.some((index) => isWidth(first[index]?.role ?? ""));
    const literals = filled.map((holes) => holes[indices[0] ?? 0]?.literal ?? "");
    return { indices, width, fallback: width ? null : mostCommon(literals) };
  });
  const ordered = [
    ...found.filter((group) => group.width),
    ...found.filter((group) => !group.width),
  ];
  const names = argumentNames(
    ordered.map((group) => group.indices),
    first,
  );
  return ordered.map(({ indices, fallback }, place) => {
    const { name, role } = names[place] ?? { name: `value${place}`, role: "size" };
    const kept = indices.some((index) => index >= inInit);
    return { name, role, fallback, kept, holes: new Set(indices) };
  });
}

function mostCommon(values: readonly string[]): string {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts].sort((a, b) => b[1] - a[1])[0]?.[0] ?? "";
}

interface ArgumentName {
  readonly name: string;
  readonly role: string;
}

/** Names from what the holes are: the first layer's inputs, the last one's outputs, settings by their own name. */
function argumentNames(
  groups: readonly (readonly number[])[],
  holes: readonly Hole[],
): readonly ArgumentName[] {
  const firstIn = holes.findIndex((hole) => hole.role === "in");
  const lastOut = holes.findLastIndex((hole) => hole.role === "out");
  const taken = new Set<string>(["self"]);
  const inner = groups.filter(
    (group) =>
      isWidth(holes[group[0] ?? 0]?.role ?? "") &&
      !group.includes(firstIn) &&
      !group.includes(lastOut),
  );
  const most = Math.max(...inner.map((group) => group.length));
  const widest = inner.filter((group) => group.length === most);
  return groups.map((group) => {
    const hole = holes[group.find((index) => holes[index]?.role === "out") ?? group[0] ?? 0];
    const owner = (hole?.owner ?? "").replaceAll(/\W/g, "_");
    const role = hole?.role ?? "size";
    const [isIn, isOut] = [group.includes(firstIn), group.includes(lastOut)];
    let wish = { name: role, role };
    if (isIn && isOut) wish = { name: "channels", role: "out" };
    else if (isIn) wish = { name: "in_channels", role: "in" };
    else if (isOut) wish = { name: "out_channels", role: "out" };
    else if (isWidth(role)) {
      const alone = owner === "" || (widest.length === 1 && widest[0] === group);
      wish = { name: alone ? "width" : `${owner}_width`, role: "width" };
    } else if (
      groups.filter((other) => holes[other[0] ?? 0]?.role === role).length > 1 &&
      owner !== ""
    ) {
      wish = { name: `${owner}_${role}`, role };
    }
    let name = wish.name;
    for (let count = 2; taken.has(name); count += 1) name = `${wish.name}${count}`;
    taken.add(name);
    return { name, role: wish.role };
  });
}
