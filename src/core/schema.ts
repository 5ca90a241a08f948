import type { z } from "zod";

const SHOWN = 3;

/** What is wrong with a document, in one line: the first places, and how many more there are. */
export function firstIssues(error: z.ZodError): string {
  const shown = error.issues
    .slice(0, SHOWN)
    .map(({ path, message }) => `'${path.join(".")}': ${message}`)
    .join("; ");
  const more = error.issues.length - SHOWN;
  return more > 0 ? `${shown}; and ${more} more.` : `${shown}.`;
}
