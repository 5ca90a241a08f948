import { expect, test } from "vitest";
import { networkProblem } from "../../src/formulation/network/network-problem.ts";
import { refuseWithoutChoice } from "../../src/formulation/network/nothing-to-choose.ts";
import { NO_RULES } from "../../src/formulation/network/widths.ts";
import { scoreNetwork } from "../../src/importance/score.ts";
import { findStructure } from "../../src/structure/find-structure.ts";
import { networkBuilder } from "../helpers/networks.ts";

function refuse(width: number, step: number, opaque: boolean): void {
  const b = networkBuilder(9);
  const x = b.relu(b.conv("a", b.input("x", [1, 3, 4, 4]), { from: 3, to: width }));
  const y = opaque ? b.node("Mystery", [x], { domain: "some.where" }) : x;
  b.output(b.conv("h", y, { from: width, to: 2 }));
  const structure = findStructure(b.graph());
  const importance = scoreNetwork(structure, { method: "magnitude-l2", networkHash: null });
  const options = { step, countFrom: "zero", maxPrune: 1, protect: null } as const;
  const further = { blocks: true, layers: true, budgetMs: 1, widths: NO_RULES };
  refuseWithoutChoice(networkProblem(structure, importance, null, { ...options, ...further }));
}

test("a network of which nothing can be pruned is refused with the reason of each dim", () => {
  expect(() => refuse(16, 8, true)).toThrow(
    expect.objectContaining({
      code: "formulation/nothing-to-prune",
      exitCode: 3,
      message: expect.stringMatching(/^Nothing can be pruned\. a.*: .*some\.where/),
    }),
  );
});

test("a step that no width fits is named, and one that fits is no reason to refuse", () => {
  expect(() => refuse(6, 8, false)).toThrow(
    expect.objectContaining({
      message: expect.stringMatching(/a: no narrower width of 6 channels at step 8/),
      hint: expect.stringMatching(/--step/),
    }),
  );
  expect(() => refuse(6, 2, false)).not.toThrow();
});
