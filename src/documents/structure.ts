import { z } from "zod";

/** A count of channels: a number, or units of dims times channels, with a fixed part. */
const COUNT = z.union([z.number(), z.record(z.string(), z.number())]);

/** `mdp inspect --json`, and `structure.json` of a run, which has the hash of the network's file too. */
export const STRUCTURE = z.object({
  schema: z.literal("mdp-structure/1"),
  networkHash: z.string().exactOptional(),
  model: z.string().exactOptional().describe("The network's file."),
  network: z.string(),
  structureHash: z.string(),
  parameters: z.number(),
  macs: z.number(),
  bind: z.record(z.string(), z.number()).exactOptional().describe("Lengths of open axes."),
  notes: z.array(z.string()).exactOptional().describe("What was changed or assumed."),
  unknown: z
    .array(z.object({ node: z.string(), text: z.string() }))
    .exactOptional()
    .describe("Where shapes begin to be unknown."),
  dims: z.array(
    z.object({
      name: z.string(),
      units: z.number(),
      unitChannels: z.number(),
      pinned: z.string().nullable().describe("Why it stays whole; null where it may be pruned."),
      unread: z
        .literal(true)
        .exactOptional()
        .describe("Nothing reads its units: they go first, and all of them may go."),
      block: z.string().nullable(),
      component: z.string().nullable().exactOptional(),
      producers: z.array(z.unknown()),
    }),
  ),
  layers: z.array(
    z.object({
      name: z.string(),
      node: z.string(),
      opType: z.string(),
      input: COUNT,
      output: COUNT,
      groups: z.unknown(),
      parameters: z.number(),
      macs: z.number(),
      blocks: z.array(z.string().nullable()),
      normalisation: z.unknown(),
      drop: z.unknown(),
    }),
  ),
  components: z
    .array(
      z.object({
        name: z.string(),
        origin: z.string().describe("What says so: names, the graph, or a pattern by hand."),
        layers: z.array(z.string()),
      }),
    )
    .exactOptional(),
  blocks: z.array(
    z.object({
      name: z.string(),
      add: z.string(),
      branchInput: z.union([z.string(), z.number()]),
      parent: z.string().nullable(),
      layers: z.array(z.string()),
    }),
  ),
  ops: z
    .array(
      z.object({
        id: z.string().describe("Its first output."),
        opType: z.string(),
        from: z.array(z.string()).describe("Ops that it reads from."),
        block: z.string().nullable().describe("The innermost block that it is in."),
      }),
    )
    .exactOptional()
    .describe("Every op of the network; absent in files of former versions."),
});

const FACT = z.union([z.string(), z.number(), z.boolean(), z.null()]);
const DROPS = z.object({
  onlyFirst: z.array(z.string()),
  onlySecond: z.array(z.string()),
  both: z.array(z.string()),
});
const FACTS = z.array(z.object({ name: z.string(), values: z.tuple([FACT, FACT]) }));

/** `mdp diff --json`: what two subnets of one network have different. */
export const DIFF = z.object({
  schema: z.literal("mdp-diff/1"),
  files: z.tuple([z.string(), z.string()]),
  network: z.string(),
  same: z.boolean(),
  dims: z.array(
    z.object({
      dim: z.string(),
      units: z.number(),
      kept: z.tuple([z.number(), z.number()]),
      onlyFirst: z.string().describe("Units as ranges of indices: 0-7,9."),
      onlySecond: z.string(),
    }),
  ),
  dimCount: z.number(),
  blocks: DROPS,
  layers: DROPS,
  amounts: FACTS,
  provenance: FACTS,
});
