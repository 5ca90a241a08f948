import { appendFileSync, existsSync, readFileSync } from "node:fs";

/** Rows of a benchmark, one line of JSON each as soon as it is measured, so that a run that was ended goes on. */
export interface Rows {
  /** What was measured under this name before, or is measured now. */
  readonly row: <Value>(key: string, measure: () => Promise<Value>) => Promise<Value>;
}

/** @param path file of the rows; in memory without */
export function openRows(path: string | undefined): Rows {
  const known = new Map<string, unknown>();
  if (path !== undefined && existsSync(path)) {
    for (const line of readFileSync(path, "utf8").split("\n")) {
      if (line === "") continue;
      const { key, value } = JSON.parse(line) as { key: string; value: unknown };
      known.set(key, value);
    }
  }
  return {
    row: async <Value>(key: string, measure: () => Promise<Value>): Promise<Value> => {
      if (known.has(key)) return known.get(key) as Value;
      const value = await measure();
      known.set(key, value);
      if (path !== undefined) appendFileSync(path, `${JSON.stringify({ key, value })}\n`);
      return value;
    },
  };
}
