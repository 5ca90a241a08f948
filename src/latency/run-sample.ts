import { z } from "zod";

/** As it is in a file of samples. Times in milliseconds; null where the runtime timed nothing of an operation. */
export const RUN_SAMPLE = z.object({
  /** Of the subnet; a sample serves whoever asks for the same one. */
  key: z.string(),
  /** Kept units per dim. */
  counts: z.array(z.number().int()),
  droppedBlocks: z.array(z.number().int()),
  droppedLayers: z.array(z.number().int()),
  opMs: z.array(z.number().nullable()),
  opEvents: z.array(z.number().int()),
  totalMs: z.number(),
  referenceMs: z.number(),
  thinMs: z.number().optional(),
  paired: z.boolean().optional(),
  energyMj: z.number().optional(),
  memoryBytes: z.number().optional(),
  date: z.string(),
});

/** One measured network, as one line of the samples file. */
export type RunSample = z.infer<typeof RUN_SAMPLE>;
