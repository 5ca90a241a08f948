import type { KnowledgeReport } from "../documents/knowledge.ts";
import { percent } from "./amounts.ts";
import { plainTable, shortened } from "./format.ts";

export function knowledgeText(report: KnowledgeReport): string {
  const { weights, outputs, pruned, leftOut, images, batch, figure } = report;
  const ofOutputs = new Map(outputs?.layers.map((layer) => [layer.layer, layer]));
  const isPair = pruned !== null;
  const head = isPair
    ? ["layer", "weights", "kept", "outputs", "kept"]
    : ["layer", "weights", "outputs"];
  const table = plainTable(head, ["left", ...head.slice(1).map((): "right" => "right")]);
  const names = new Set([...weights.layers, ...(outputs?.layers ?? [])].map(({ layer }) => layer));
  for (const name of names) {
    const own = weights.layers.find(({ layer }) => layer === name);
    const output = ofOutputs.get(name);
    const cells = [own, output].flatMap((each) =>
      isPair ? [number(each?.dense), share(each?.kept)] : [number(each?.dense)],
    );
    table.push([shortened(name), ...cells]);
  }
  return [
    table.toString(),
    "",
    "Figures     mean singular values: of weights as outputs x (inputs * kernel), of outputs as images x everything else",
    ...(isPair
      ? [
          `Kept        of weights ${share(weights.kept)}, of outputs ${share(outputs?.kept)} (exp of minus the mean |log kept|)`,
        ]
      : []),
    ...(outputs === null
      ? ["Outputs     need images: --data"]
      : [`Images      ${images}, ${batch} per matrix`]),
    ...leftOut.slice(0, 3).map(({ layer, reason }) => `Left out    ${layer}: ${reason}`),
    ...(leftOut.length > 3 ? [`            ${leftOut.length - 3} more (--json lists them)`] : []),
    ...(figure === null ? [] : [`Figure      ${figure}`]),
  ].join("\n");
}

function number(value: number | undefined): string {
  return value === undefined ? "-" : value.toPrecision(4);
}

function share(value: number | null | undefined): string {
  return value == null ? "-" : percent(value);
}
