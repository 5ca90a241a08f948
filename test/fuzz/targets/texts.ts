import { parseRequirement } from "../../../src/coefficients/goals/requirement.ts";
import { parseMethod } from "../../../src/formulation/baselines/method.ts";
import { parseForm, parseLimit } from "../../../src/formulation/limits/parse.ts";
import { parsePenalty } from "../../../src/formulation/limits/penalty.ts";
import { latencyBudget } from "../../../src/formulation/network/latency-budget.ts";
import { parseHost } from "../../../src/latency/remote/ssh/host.ts";
import { shareOf } from "../../../src/pipeline/checks.ts";
import { parseFalseAlarms } from "../../../src/pipeline/metrics/false-alarms.ts";
import { componentsOf } from "../../../src/pipeline/solve/given-limits.ts";
import { robustProbability } from "../../../src/pipeline/solve/robust-probability.ts";
import { parsePattern } from "../../../src/subnet/sparse/pattern.ts";
import { limitable, limited } from "../../helpers/limited-network.ts";
import { NETWORKS } from "../../helpers/networks.ts";
import { mutatedText } from "../mutate/text.ts";
import { type FuzzTarget, mutations, textOf } from "../target.ts";

const LIMITS = [
  "params <= 0.5 * dense",
  "latency('jetson-nano') <= 12 ms",
  "8 MiB >= memory + bytes",
  "importance >= 95%",
  "16 <= count('layer1.*') <= 48",
  "align('jetson-nano', 16)",
  "2 * (macs - 1e6) / 3 < macs('layer2') + 20 G",
  "layers('layer*') == 3",
];

/** Limits, first alone, then on a network. */
export const limits: FuzzTarget = {
  name: "limits",
  open: () => {
    const network = limitable(NETWORKS.bottleneckResnet());
    return {
      input: mutations(LIMITS, mutatedText),
      read: async (input) => {
        const text = textOf(input);
        await parseLimit({ option: "--limit", text });
        await limited(network, { limit: [text] });
      },
    };
  },
};

type Read = (text: string) => unknown;

const SHORT: readonly (readonly [string, Read])[] = [
  ["params + 2 * latency", (text) => parseForm({ option: "--minimize", text })],
  ["2% per 0.1M", (text) => parsePenalty({ option: "--penalty", text })],
  ["60% of prunable", (text) => latencyBudget(text, { latencyMs: 8, unchangeableMs: 1 })],
  ["12.5 ms", (text) => latencyBudget(text, 8)],
  [">= dense - 1% + 0.2", (text) => parseRequirement(text, "metric")],
  ["<= 1.2 * dense", (text) => parseRequirement(text, "metric")],
  ["false-alarms('ok') <= 2%", (text) => parseFalseAlarms(text, "metric")],
  ["2:4", parsePattern],
  ["user@192.168.1.7:22", parseHost],
  ["ssh://user@board:2222", parseHost],
  ["95%", (text) => shareOf(text, "--share")],
  ["90%", robustProbability],
  ["uniform", parseMethod],
  ["greedy:2", parseMethod],
  ["encoder=layer1|layer2.*", (text) => componentsOf({ component: text })],
];

/** Texts that options take. */
export const options: FuzzTarget = {
  name: "options",
  open: () => ({
    input: mutations(
      SHORT.map(([text]) => text),
      mutatedText,
    ),
    read: (input) => SHORT[input.seed]?.[1](textOf(input)),
  }),
};
