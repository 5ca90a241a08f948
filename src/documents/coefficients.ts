import { z } from "zod";
import type { Document } from "./document.ts";

const NUMBER = z.number().nullable();

export const STAND = z.object({
  name: z.string(),
  value: NUMBER,
  dense: NUMBER,
  limit: NUMBER.describe("Null without a requirement."),
  margin: NUMBER.describe("1 as the dense network, 0 at the limit."),
});

const JUDGED = z.object({
  score: NUMBER,
  lower: NUMBER.describe("With every metric at the worse end of its interval."),
  stands: z.array(STAND),
});

/** `coefficients.json`: what a search found; can be edited and given back with --from. */
export const COEFFICIENTS = z.object({
  schema: z.literal("mdp-coefficients/1"),
  network: z.string(),
  networkHash: z.string(),
  structureHash: z.string(),
  metricsHash: z.string(),
  limits: z.array(z.string()),
  groups: z.array(
    z.object({
      name: z.string(),
      component: z.string().nullable(),
      dims: z.array(z.string()),
      coefficient: z.number().positive(),
      units: z.number().int(),
      kept: z.number().int(),
      removed: z.number().describe("alpha = 1 - kept / units"),
    }),
  ),
  search: z.object({
    method: z.string(),
    seed: z.number().int(),
    evaluations: z.number().int().describe("Subnets measured on the search items."),
    unitRuns: z.number().int().describe("Runs that ranked units."),
    stopped: z.string(),
    seconds: z.number(),
    score: NUMBER,
    history: z.array(NUMBER).describe("Best score after each evaluation."),
  }),
  conflicts: z
    .array(z.array(z.string()).length(2))
    .optional()
    .describe("Pairs of requirements: each was met by some subnet, no subnet met both."),
  found: z.object({ from: z.string(), score: NUMBER, lower: NUMBER, stands: z.array(STAND) }),
  starts: z
    .array(z.object({ name: z.string(), score: NUMBER, stands: z.array(STAND) }))
    .describe("What is compared with: the same limits, the importance's own units."),
  size: z.object({
    parameters: z.object({ dense: z.number(), kept: z.number() }),
    latencyMs: z.object({ dense: z.number(), kept: z.number() }),
  }),
  repair: z
    .object({
      items: z.number().int().describe("Items of the choice; the gate uses none of them."),
      samples: z.number().int().describe("Samples without labels that were repaired on."),
      chosen: z.number().int().describe("Which of the candidates, from 1."),
      isRepaired: z.boolean().describe("The run goes on with the repaired network."),
      candidates: z
        .array(
          z.object({
            from: z.string(),
            searched: NUMBER.describe("Score on the search items, without repair."),
            before: JUDGED.describe("On the items of the choice, without repair."),
            after: JUDGED.nullable().describe("Repaired; null where no layer could be."),
          }),
        )
        .describe("The best of the search, the best first."),
    })
    .optional(),
});
export type CoefficientsReport = Document<typeof COEFFICIENTS>;

const STEP = z
  .object({
    share: z.number(),
    score: NUMBER,
    stands: z.array(STAND),
    parameters: z.number(),
    latencyMs: z.number(),
  })
  .nullable();

/** `mdp explain --metrics --json`: why each group is as wide as it is. */
export const REASONS = z.object({
  schema: z.literal("mdp-reasons/1"),
  network: z.string(),
  now: z.object({ score: NUMBER, stands: z.array(STAND) }),
  groups: z.array(
    z.object({
      name: z.string(),
      component: z.string().nullable(),
      coefficient: z.number().nullable(),
      units: z.number().int(),
      kept: z.number().int(),
      removed: z.number(),
      narrower: STEP,
      wider: STEP,
      heldBy: z.string().nullable().describe("The metric that a step narrower harms most."),
    }),
  ),
  protected: z.array(z.object({ dim: z.string(), by: z.string() })),
});
export type ReasonsReport = Document<typeof REASONS>;

/** `mdp groups --json`: every group at several widths. */
export const GROUPS = z.object({
  schema: z.literal("mdp-groups/1"),
  network: z.string(),
  items: z.number().int(),
  dense: z.array(STAND),
  groups: z.array(
    z.object({
      name: z.string(),
      component: z.string().nullable(),
      dims: z.array(z.string()),
      units: z.number().int(),
      widths: z.array(
        z.object({
          share: z
            .number()
            .describe("Of the group's units that stays, the rest of the network whole."),
          kept: z.number().int(),
          parametersSaved: z.number(),
          latencySavedMs: z.number(),
          metrics: z.array(
            z.object({
              name: z.string(),
              value: NUMBER,
              low: NUMBER,
              high: NUMBER,
              margin: NUMBER,
            }),
          ),
        }),
      ),
    }),
  ),
});
export type GroupsReport = Document<typeof GROUPS>;
