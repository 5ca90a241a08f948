import type { Dataset } from "../../data/dataset.ts";
import { openDataset } from "../../data/dataset.ts";
import type { MetricSpec, MetricsFile } from "../../documents/metrics.ts";
import type { OpenNetwork } from "../open/network.ts";

/** What a network and its data allow to be measured. */
export interface Possible {
  readonly spec: MetricSpec;
  /** Why it is among them. */
  readonly because: string;
}

/** Opens data as metrics.json would, to see what it holds. */
export function openForMetrics(path: string, { structure }: OpenNetwork): Promise<Dataset> {
  const shape = structure.shapes.of(structure.graph.inputs[0]?.name ?? "");
  const [height, width] = shape?.slice(2) ?? [];
  const size = shape?.length === 4 && height !== undefined && width !== undefined;
  return openDataset(path, {
    ...(size ? { config: { size: [height, width] as [number, number] } } : {}),
    unlabelled: true,
  }).catch((error: unknown) => {
    // A config that lies with the data says how large its pictures are.
    return openDataset(path, { unlabelled: true }).catch(() => {
      throw error;
    });
  });
}

/** Everything that can be measured of a network on this data, what people usually want first. */
export function possibleMetrics(open: OpenNetwork, data: Dataset | null): readonly Possible[] {
  const { graph, shapes } = open.structure;
  const outputs = graph.outputs.map(({ name }) => ({ name, shape: shapes.of(name) ?? [] }));
  const input = shapes.of(graph.inputs[0]?.name ?? "") ?? [];
  const found: Possible[] = [];
  const add = (spec: MetricSpec, because: string): void => {
    found.push({ spec, because });
  };
  const labelled = data?.labels.some((label) => label >= 0) ?? false;
  const classes = data?.classes ?? null;
  for (const { name, shape } of outputs) {
    const size = shape.at(-1) ?? 0;
    const isClasses = shape.length === 2 && size > 1;
    if (isClasses && labelled && (classes === null || classes.length === size)) {
      add(
        { name: "accuracy", is: "accuracy", output: name, require: ">= dense - 1%" },
        `output '${name}' has ${size} scores and the data labels`,
      );
      for (const [index, each] of (classes ?? []).entries()) {
        add(
          {
            name: `recall of ${each}`,
            is: "recall",
            class: each,
            output: name,
            require: ">= dense - 3%",
          },
          `class ${index} of the data`,
        );
      }
    }
    if (shape.length === input.length && shape.every((extent, at) => extent === input[at])) {
      add(
        { name: `picture of ${name}`, is: "psnr", output: name, target: "input", maximize: 1 },
        `output '${name}' has the shape of the input`,
      );
      if (shape.length === 4) {
        add(
          {
            name: `structure of ${name}`,
            is: "ssim",
            output: name,
            target: "input",
            require: ">= 0.8 * dense",
          },
          `output '${name}' is a picture`,
        );
      }
    }
    if (isClasses) {
      add(
        { name: `same answer in ${name}`, is: "agreement", output: name, require: ">= 95%" },
        "needs no labels",
      );
      add(
        { name: `divergence of ${name}`, is: "divergence", output: name },
        "needs no labels; reacts early",
      );
    } else {
      add(
        { name: `cosine of ${name}`, is: "cosine", output: name, require: ">= 0.95" },
        "needs no targets",
      );
    }
  }
  return found;
}

/** Without items, a command has to judge: the embedded agent's simulation, or one that the user writes. */
function ownMetrics({ structure }: OpenNetwork): readonly Possible[] {
  const isAgent = ["policy", "reward", "value"].every((name) =>
    structure.graph.outputs.some((output) => output.name === name),
  );
  if (!isAgent) {
    const command = ["node", "measure.mjs"];
    const spec: MetricSpec = { name: "my metric", command, require: ">= dense - 10%" };
    return [{ spec, because: "no data is given: a command of yours measures" }];
  }
  const command = ["npx", "mdp", "rollout", "pendulum"];
  const because = "the pendulum's simulation runs agents of this form";
  const specs: readonly MetricSpec[] = [
    { name: "return", command, of: "return", require: ">= dense - 20%" },
    { name: "upright", command, of: "upright", unit: "share", require: ">= dense - 10%" },
    { name: "effort", command, of: "effort", better: "lower", require: "<= 1.5 * dense" },
  ];
  return specs.map((spec) => ({ spec, because }));
}

/** A commented metrics.json for a network and its data, with the metrics that people usually want. */
export function draftMetrics(
  open: OpenNetwork,
  data: { readonly path: string; readonly set: Dataset } | null,
): MetricsFile {
  const possible = data === null ? ownMetrics(open) : possibleMetrics(open, data.set);
  const first = possible.filter(({ spec }) => !spec.name.startsWith("recall of"));
  const asked = first.filter(
    ({ spec }) => spec.require !== undefined || spec.maximize !== undefined,
  );
  const chosen = (asked.length > 0 ? asked : possible).slice(0, 3);
  const recalls = possible.filter(({ spec }) => spec.name.startsWith("recall of"));
  const count = data?.set.count ?? 0;
  const search = data === null ? 32 : Math.max(32, Math.min(300, Math.floor(count / 4)));
  return {
    schema: "mdp-metrics/1",
    about: [
      "require: what must hold. '>= 97%' is fixed, '>= dense - 1%' is against the network before pruning.",
      "maximize: what is to be as good as possible once every requirement holds; its weight.",
      'A metric of your own: { "name": "swing-up", "command": ["node", "rollout.mjs"], "require": ">= dense - 10%" };',
      'it is run as COMMAND... --model FILE --items 0,4,7 --seed N and prints one line {"values": [one number per item]}.',
      recalls.length === 0
        ? "mdp metrics suggest measures what else there is."
        : `Classes can be asked for one by one: ${JSON.stringify(recalls[0]?.spec)}.`,
      "search: items that networks are searched on. confirm: other items, on which the gate decides; more of them decide more.",
    ],
    data: {
      ...(data === null ? {} : { path: data.path }),
      search,
      confirm: data === null ? 200 : Math.max(64, count - search),
    },
    metrics: chosen.map(({ spec }) => spec),
    confidence: "95%",
    seed: 1,
  };
}
