import { sep } from "node:path";

/**
 * Titles of paths: their last names, and of equal ones as many names before them as tell them apart.
 * @param paths absolute, each of them once
 */
export function titlesOf(paths: readonly string[]): string[] {
  const names = paths.map((path) => path.split(sep).filter((name) => name !== ""));
  return names.map((own) => {
    for (let length = 1; length < own.length; length += 1) {
      const title = own.slice(-length).join("/");
      const same = names.filter((other) => other.slice(-length).join("/") === title);
      if (same.length === 1) return title;
    }
    return own.join("/");
  });
}
