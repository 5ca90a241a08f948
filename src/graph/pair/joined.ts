import { z } from "zod";

const renamed = z.strictObject({ own: z.string(), joined: z.string() });

const part = z.strictObject({
  /** What the part is called; its inner names begin with it. */
  name: z.string(),
  /** Names in its own file and in the joined network. */
  inputs: z.array(renamed),
  outputs: z.array(renamed),
  /** The output that says where a sample lies; its width is that of the other part's. */
  embedding: renamed,
  /** The embedding brought to length one, in the joined network. */
  unit: z.string(),
  /** Cosines of the part's own samples, in the joined network. */
  own: z.string(),
  /** Key-value pairs of its file. */
  metadata: z.record(z.string(), z.string()),
});

/** What a network that was joined of two files says of them: how to take it apart again. */
export const JOINED = z.strictObject({
  schema: z.literal("mdp-joined/1"),
  parts: z.tuple([part, part]),
  /** Cosines of all samples of one part with all of the other. */
  similarities: z.string(),
});

export type JoinedPair = z.infer<typeof JOINED>;
export type JoinedPart = z.infer<typeof part>;
