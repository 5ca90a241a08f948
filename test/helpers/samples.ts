import { type SampleBatch, UNNAMED } from "../../src/runtime/batches.ts";
import type { Feed } from "../../src/runtime/session.ts";

/** The one input of a batch that doesn't name it. */
export function imagesOf({
  feeds,
}: Pick<SampleBatch, "feeds">): Extract<Feed, { readonly type: "float32" }> {
  const feed = feeds[UNNAMED];
  if (feed?.type !== "float32") throw new Error("no unnamed float32 input");
  return feed;
}
