import { kindOfRule } from "../../src/gradients/rules.ts";
import { graphBuilder } from "../../src/graph/build.ts";
import type { OpTraits } from "../../src/graph/op-traits.ts";
import { KNOWN_OPS } from "../../src/graph/op-traits.ts";
import { opOf } from "../../src/graph/read-op.ts";
import { hasFixedRule } from "../../src/graph/shapes/fixed.ts";
import { canLower } from "../../src/pytorch/module/lower/lower.ts";
import { kindOfFlow } from "../../src/structure/flow.ts";

/** The table of ops of docs/supported.md, from the tables that the program itself works by. */
export function supportedOps(): string {
  const rows = [...KNOWN_OPS].sort(([left], [right]) => (left < right ? -1 : 1)).map(row);
  return [
    "| op | shape | pruning | gradient | PyTorch |",
    "| --- | --- | --- | --- | --- |",
    ...rows,
  ].join("\n");
}

function row([opType, traits]: readonly [string, OpTraits]): string {
  const b = graphBuilder();
  for (const name of ["a", "b", "c"]) b.input(name, [1, 4, 4, 4]);
  b.node(opType, ["a", "b", "c"]);
  const graph = b.graph();
  const [node] = graph.nodes;
  if (node === undefined) throw new Error("no node");
  const gradient = { rule: "yes", none: "no", constant: "zero" }[kindOfRule(opOf(node, graph))];
  const shape = traits.kind === "fixed" && !hasFixedRule(opType) ? "as declared" : "yes";
  const pruning = { rule: "through", pin: "pinned", size: "sizes" }[kindOfFlow(traits.kind)];
  return `| ${opType} | ${shape} | ${pruning} | ${gradient} | ${canLower(traits.kind) ? "yes" : "no"} |`;
}
