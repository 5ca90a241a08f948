import type { EvalReport } from "../../src/documents/evaluation.ts";
import type { Graph } from "../../src/graph/graph.ts";
import { EMPTY_SUBJECT, type Subject } from "../../src/report/page/subject.ts";
import { networkBuilder } from "./networks.ts";

/** A name that tries to be markup, script, another direction, and long. */
export const HOSTILE = `</script><script>alert(1)</script>"'><img src=x onerror=alert(2)>\u202egnp.`;

/** Three residual blocks; their names begin with `prefix`. */
export function residualNetwork(prefix = ""): Graph {
  const b = networkBuilder(7);
  const named = (name: string): string => `${prefix}${name}`;
  let value = b.relu(b.conv(named("stem"), b.input("images", [1, 3, 16, 16]), { from: 3, to: 16 }));
  for (const [name, width] of [
    ["one", 16],
    ["two", 32],
    ["three", 24],
  ] as const) {
    const first = b.relu(b.conv(named(`${name}.conv1`), value, { from: 16, to: width }));
    const second = b.conv(named(`${name}.conv2`), first, { from: width, to: 16 });
    value = b.relu(b.add(named(name), second, value));
  }
  const pooled = b.node("Flatten", [b.node("GlobalAveragePool", [value])]);
  b.output(b.gemm("fc", pooled, 16, 10), [1, 10]);
  return b.graph();
}

type Result = EvalReport["results"][number];

function result(model: string, name: string, [value, low, high]: readonly number[]): Result {
  const metric = { name, better: "higher", unit: "share", items: 500, by: "wilson" } as const;
  return {
    ...{ model, bytes: 1e6, accuracy: null },
    metrics: [{ ...metric, value: value ?? 0, low: low ?? 0, high: high ?? 0, confidence: 0.95 }],
    perClass: [
      { ...metric, name: `${name} of a class`, value: 0.5, low: 0.4, high: 0.6, confidence: 0.95 },
    ],
    differences: [{ ...metric, value: -0.02, low: -0.03, high: -0.01, confidence: 0.95 }],
    latency: {
      ...{ minMs: 1, lowMs: 1.1, medianMs: 1.2, p90Ms: 1.4, p99Ms: 2 },
      ...{ ofFirst: 0.5, ofFirstError: 0.01 },
    },
  };
}

/** A subject with a document for each section that needs no network; `name` stands wherever a file could say a name. */
export function everySection(name: string): Subject {
  const stand = { name, value: 0.9, dense: 0.95, limit: 0.85, margin: 0.5 };
  const step = { share: 0.5, score: 1, stands: [stand], parameters: 500, latencyMs: 1.5 };
  const line = {
    ...{ name, require: `>= 90% ${name}`, value: 0.9, dense: 0.95, limit: 0.85, bound: 0.87 },
    ...{ farBound: 0.93, margin: 0.5, items: 500, by: "wilson", verdict: "pass" as const },
    itemsNeeded: null,
  };
  const interval = { value: 0.9, low: 0.88, high: 0.92 };
  return {
    ...EMPTY_SUBJECT,
    title: name,
    warnings: [name],
    evaluation: {
      ...{ schema: "mdp-eval/1", data: name, images: 500, runtime: "onnxruntime", batch: 1 },
      ...{ threads: 1, optimisation: "all", task: { name, notes: [name] } },
      results: [
        result("net.onnx", name, [0.92, 0.9, 0.94]),
        result("run/pruned.onnx", name, [0.8, 0.77, 0.83]),
        result("run/corrected.onnx", name, [0.9, 0.88, 0.92]),
      ],
    },
    gate: {
      ...{ schema: "mdp-gate/1", metricsHash: "m", attempt: 1, alpha: 0.0475, released: name },
      dense: { path: name, sha256: name },
      network: { path: name, sha256: name, bytes: 1e6 },
      ...{ items: { count: 500, hash: "h" }, verdict: "missed" },
      lines: [
        line,
        { ...line, verdict: "missed", name: `${name} 2` },
        { ...line, verdict: "undecided", itemsNeeded: 900 },
      ],
    },
    coefficients: {
      ...{ schema: "mdp-coefficients/1", network: name, networkHash: "n", structureHash: "s" },
      ...{ metricsHash: "m", limits: [name], conflicts: [[name, name]] },
      groups: [
        { name, component: name, dims: [name], coefficient: 2, units: 8, kept: 4, removed: 0.5 },
      ],
      search: {
        ...{ method: "cma-es", seed: 1, evaluations: 20, unitRuns: 10, stopped: "evaluations" },
        ...{ seconds: 3, score: 1, history: [1] },
      },
      found: { from: name, score: 1, lower: 1, stands: [stand] },
      starts: [{ name, score: 1, stands: [stand] }],
      size: { parameters: { dense: 1000, kept: 600 }, latencyMs: { dense: 2, kept: 1.6 } },
    },
    reasons: {
      ...{ schema: "mdp-reasons/1", network: name, now: { score: 1, stands: [stand] } },
      groups: [
        {
          ...{ name, component: name, coefficient: 2, units: 8, kept: 4, removed: 0.5 },
          ...{ narrower: step, wider: null, heldBy: name },
        },
      ],
      protected: [{ dim: name, by: name }],
    },
    groups: {
      ...{ schema: "mdp-groups/1", network: name, items: 100, dense: [stand] },
      groups: [
        {
          ...{ name, component: name, dims: [name], units: 8 },
          widths: [
            {
              ...{ share: 0.5, kept: 4, parametersSaved: 100, latencySavedMs: 0.1 },
              metrics: [{ name, ...interval, margin: 0.5 }],
            },
          ],
        },
      ],
    },
    comparedMetrics: {
      ...{ schema: "mdp-compared-metrics/1", network: name },
      methods: [
        {
          ...{ name, parameters: 600, latencyMs: 1.6 },
          metrics: [{ name, ...interval, limit: 0.85, behind: interval }],
        },
      ],
    },
    sparsify: {
      ...{ schema: "mdp-sparsify/1", model: name, data: name, sparsity: 0.5, pattern: name },
      ...{ score: name, rates: name, repair: "fit", format: "dense", images: 100 },
      ...{ raisedRidges: 0, left: [{ label: name, count: 3, reason: name }], program: null },
      layers: [
        {
          ...{ label: name, tied: [], count: 100, nonzeros: 50, masked: true },
          ...{ knowledgeOfWeight: 0.9, knowledgeOfOutput: null, damage: 0.1 },
        },
      ],
      total: {
        ...{ weights: 100, nonzeros: 50, bytes: { dense: 400, sparse: 400 } },
        ...{ gzip: { dense: 300, sparse: 200 }, knowledgeOfWeights: 0.9, knowledgeOfOutputs: 0.8 },
      },
      ...{ refinement: null, surgery: null },
      proof: {
        ...{ weights: 1, zeros: 50, constants: 0, runs: 2, seed: 1, maxRelative: 0 },
        identical: true,
      },
      ...{ seconds: { scores: 1, rates: 1, total: 2 }, out: name, judgedOn: name },
      accuracy: [{ name, count: 100, top1: 0.9, top5: 1 }],
    },
    knowledge: {
      ...{ schema: "mdp-knowledge/1", model: name, pruned: name, data: name, images: 100 },
      batch: 10,
      weights: {
        layers: [
          {
            ...{ layer: name, dense: 2, pruned: 1.8, kept: 0.9 },
            spectra: { dense: [3, 2, 1], pruned: [3, 1] },
          },
        ],
        kept: 0.9,
      },
      ...{ outputs: null, leftOut: [{ layer: name, reason: name }], figure: null },
    },
    calibrate: {
      ...{ schema: "mdp-calibrate/1", network: name, device: name, tablePath: name },
      ...{ budget: "50%", tolerance: 0.02, rounds: 1, status: "met", best: 0, chosen: null },
      tries: [
        {
          ...{ round: 0, askedMs: 1, predictedMs: 1, measuredMs: 1.05, denseMs: 2, budgetMs: 1.1 },
          ...{ used: 0.95, value: 3 },
        },
      ],
      ...{ importanceKept: { dense: 4, chosen: 3 }, correction: null },
    },
  };
}
