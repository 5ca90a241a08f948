import type { AxisUnits, Structure, UnitLevel } from "../structure/structure.ts";
import type { Subnet } from "./subnet.ts";

/** Indices along an axis that stay, ascending; null where all of them do. */
export type KeptAxes = (value: string, axis: number) => Int32Array | null;

/** What stays along every axis of every value and initializer. Requires a checked subnet. */
export function keptAxes(structure: Structure, subnet: Subnet): KeptAxes {
  const stays = structure.dims.map((dim) => {
    const flags = new Uint8Array(dim.size);
    for (const unit of subnet.kept[dim.index] ?? []) flags[unit] = 1;
    return flags;
  });
  const known = new Map<AxisUnits, Int32Array | null>();
  return (value, axis) => {
    const units = structure.axis(value, axis);
    if (units === null) return null;
    const before = known.get(units);
    if (before !== undefined) return before;
    const indices: number[] = [];
    const isKept = ({ dims, units: own }: UnitLevel, index: number): boolean => {
      const dim = dims[index] ?? -1;
      return dim === -1 || stays[dim]?.[own[index] ?? -1] === 1;
    };
    for (let index = 0; index < units.length; index += 1) {
      if (units.levels.every((level) => isKept(level, index))) indices.push(index);
    }
    const kept = indices.length === units.length ? null : Int32Array.from(indices);
    known.set(units, kept);
    return kept;
  };
}

/** For each of `indices`, its place among `kept` (all, where null). Requires that each is kept. */
export function placesAmong(indices: Iterable<number>, kept: Int32Array | null): readonly number[] {
  if (kept === null) return [...indices];
  const place = new Map<number, number>();
  kept.forEach((index, at) => {
    place.set(index, at);
  });
  return [...indices].map((index) => place.get(index) ?? -1);
}
