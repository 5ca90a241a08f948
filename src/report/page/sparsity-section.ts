import type { KnowledgeReport } from "../../documents/knowledge.ts";
import type { SparsifyReport } from "../../documents/sparsify.ts";
import { wilson } from "../../tasks/statistics/intervals.ts";
import { count, percent } from "../amounts.ts";
import { figureMarkup, html, type Markup, name, table } from "./markup.ts";
import type { Subject } from "./subject.ts";

const share = (value: number | null): string => (value === null ? "–" : percent(value));

/** What `mdp sparsify` removed, layer by layer; null without it. */
export function sparsitySection({ sparsify }: Subject): Markup | null {
  if (sparsify === null) return null;
  const { total, pattern, repair, images, program, proof } = sparsify;
  return html`<section class="sparsity"><h2>Single weights</h2>
<dl class="facts">
<div><dt>Zeros</dt><dd>${percent(1 - total.nonzeros / Math.max(1, total.weights))}: ${count(total.nonzeros)} of ${count(total.weights)} weights stay</dd></div>
<div><dt>Pattern</dt><dd>${name(pattern)}</dd></div>
<div><dt>File</dt><dd>${megabytes(total.bytes.dense)} to ${megabytes(total.bytes.sparse)}; with gzip ${megabytes(total.gzip.dense)} to ${megabytes(total.gzip.sparse)}</dd></div>
<div><dt>Kept knowledge</dt><dd>of weights ${share(total.knowledgeOfWeights)}, of outputs ${share(total.knowledgeOfOutputs)} (mean singular values; 100 % is the dense network)</dd></div>
<div><dt>Repair</dt><dd>${repair === "none" ? "none" : `kept weights fitted on ${images} images without labels`}</dd></div>
<div><dt>Rates</dt><dd>${program === null ? name(sparsify.rates) : program.status === "optimal" ? "by the program, proven least damage" : `by the program, gap ${share(program.gap)}`}</dd></div>
<div><dt>Proof</dt><dd>${count(proof.zeros)} zeros where the masks say; outputs ${proof.identical ? "the same to the bit as" : `within ${proof.maxRelative.toExponential(1)} of`} the masked original on ${proof.runs} inputs</dd></div>
</dl>
<p>Zeros save bytes, not time, on runtimes without support for them.</p>
${accuracyTable(sparsify)}
${table(
  "Layers",
  [
    { title: "layer", isNumber: false },
    { title: "weights", isNumber: true },
    { title: "zeros", isNumber: true },
    { title: "knowledge of weights", isNumber: true },
    { title: "knowledge of outputs", isNumber: true },
    { title: "damage", isNumber: true },
  ],
  sparsify.layers.map((layer) => [
    { content: name(layer.label) },
    { content: count(layer.count), sort: layer.count },
    ...[
      1 - layer.nonzeros / Math.max(1, layer.count),
      layer.knowledgeOfWeight,
      layer.knowledgeOfOutput,
    ].map((value) => ({
      content: share(value),
      sort: value ?? "",
    })),
    { content: layer.damage?.toPrecision(2) ?? "–", sort: layer.damage ?? "" },
  ]),
)}</section>`;
}

function accuracyTable({ accuracy, judgedOn }: SparsifyReport): Markup | null {
  if (accuracy === null) return null;
  return table(
    `Top-1 with 95 % intervals, on images that the repair did not see${judgedOn === null ? "" : ` (${judgedOn.split("/").at(-1)})`}`,
    [
      { title: "network", isNumber: false },
      { title: "top-1", isNumber: true },
      { title: "from … to", isNumber: true },
      { title: "images", isNumber: true },
    ],
    accuracy.map(({ name: network, top1, count: images }) => {
      const { low, high } = wilson(top1 * images, images, 0.95);
      return [
        { content: name(network) },
        { content: percent(top1), sort: top1 },
        { content: `${percent(low)} … ${percent(high)}` },
        { content: String(images), sort: images },
      ];
    }),
  );
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(2)} MB`;
}

/** Mean singular values before and after; null without `mdp knowledge`. */
export function knowledgeSection({ knowledge }: Subject, chart: Markup | null): Markup | null {
  if (knowledge === null) return null;
  const { weights, outputs, pruned, images } = knowledge;
  const named = new Map(outputs?.layers.map((layer) => [layer.layer, layer]));
  return html`<section class="knowledge"><h2>Kept knowledge</h2>
<p>Mean singular values of weights${outputs === null ? "" : ` and of outputs on ${images} images`}${pruned === null ? "" : html`; ${name(pruned.split("/").at(-1) ?? pruned)} keeps ${share(weights.kept)} of the weights'${outputs === null ? "" : ` and ${share(outputs.kept)} of the outputs'`}`}.</p>
${figureMarkup(chart)}
${spectraTable(weights, named, pruned !== null)}</section>`;
}

type Layers = KnowledgeReport["weights"];

function spectraTable(
  { layers }: Layers,
  outputs: ReadonlyMap<string, Layers["layers"][number]>,
  isPair: boolean,
): Markup {
  const side = (what: string): { title: string; isNumber: boolean }[] => [
    { title: `${what}, dense`, isNumber: true },
    ...(isPair ? [{ title: `${what}, kept`, isNumber: true }] : []),
  ];
  const cells = (layer: Layers["layers"][number] | undefined) => [
    { content: layer?.dense.toPrecision(4) ?? "–", sort: layer?.dense ?? "" },
    ...(isPair ? [{ content: share(layer?.kept ?? null), sort: layer?.kept ?? "" }] : []),
  ];
  return table(
    "Mean singular values",
    [
      { title: "layer", isNumber: false },
      ...side("weights"),
      ...(outputs.size === 0 ? [] : side("outputs")),
    ],
    layers.map((layer) => [
      { content: name(layer.layer) },
      ...cells(layer),
      ...(outputs.size === 0 ? [] : cells(outputs.get(layer.layer))),
    ]),
  );
}
