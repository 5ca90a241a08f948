import { at as entryAt } from "../../../core/at.ts";
import { absentState, type Building, FORBIDDEN, rootOf } from "./build-shape.ts";

/** What no other factor says yet: variables of a block go together, a kept block is in a kept one. */
export function addPresence(building: Building): void {
  const { problem, homes, witnesses, linked, nested } = building;
  homes.forEach((block, variable) => {
    const witness = witnesses[block ?? -1];
    if (block === null || witness === undefined) return;
    if (rootOf(linked, witness) === rootOf(linked, variable)) return;
    linked[rootOf(linked, variable)] = rootOf(linked, witness);
    addPairRule(building, variable, witness, (one, other) => one === other);
  });
  problem.blocks.forEach(({ parent }, block) => {
    if (parent === null || nested.has(block)) return;
    addPairRule(
      building,
      entryAt(witnesses, block),
      entryAt(witnesses, parent),
      (own, around) => !own || around,
    );
  });
}

/** Forbids the pairs of states whose presences don't agree with a rule. */
function addPairRule(
  building: Building,
  one: number,
  other: number,
  allows: (one: boolean, other: boolean) => boolean,
): void {
  const scope = [Math.min(one, other), Math.max(one, other)];
  const sizes = scope.map((variable) => building.variables[variable]?.states.length ?? 1);
  const gain = new Float64Array((sizes[0] ?? 1) * (sizes[1] ?? 1));
  for (let i = 0; i < (sizes[0] ?? 1); i += 1) {
    for (let j = 0; j < (sizes[1] ?? 1); j += 1) {
      const isThere = [i, j].map(
        (state, at) => state !== absentState(building, entryAt(scope, at)),
      );
      const [first = true, second = true] = isThere;
      const isAllowed = scope[0] === one ? allows(first, second) : allows(second, first);
      if (!isAllowed) gain[i * (sizes[1] ?? 1) + j] = FORBIDDEN;
    }
  }
  building.collector.add(scope, gain, []);
}
