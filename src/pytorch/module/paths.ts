/** Where in the module a node or a parameter stands, read from the names that exporters gave. */
import type { Node } from "../../graph/graph.ts";
import { attributeName } from "./python-text.ts";

/**
 * The path of the module that a node was exported from: "/layer1/layer1.0/conv1/Conv" is layer1.0.conv1. A segment that
 * repeats the one before and adds to it ("layer1.0" after "layer1") stands for both. null where its name has no path.
 */
export function nodePath(node: Node): readonly string[] | null {
  const [name = ""] = node.name.split(";");
  if (!name.includes("/")) return null;
  const segments = name.split("/").filter((segment) => segment !== "");
  const stack: string[] = [];
  for (const segment of segments.slice(0, -1)) {
    const last = stack.at(-1);
    if (last !== undefined && segment.startsWith(`${last}.`)) stack.pop();
    stack.push(segment);
  }
  return sanitised(stack.flatMap((segment) => segment.split(".")));
}

/**
 * The path that a parameter's name says, without its last part where that is given: "layer1.0.conv1.weight" is
 * layer1.0.conv1 for "weight". null where the name isn't a module path.
 */
export function parameterPath(name: string, part = ""): readonly string[] | null {
  if (!/^[A-Za-z_0-9-]+(\.[A-Za-z_0-9-]+)*$/.test(name) || !/[A-Za-z]/.test(name)) return null;
  const path = name.split(".");
  if (part === "") return /^\d+$/.test(path.at(-1) ?? "") ? null : sanitised(path);
  return path.length > 1 && path.at(-1) === part ? sanitised(path.slice(0, -1)) : null;
}

function sanitised(path: readonly string[]): readonly string[] {
  const names = path.filter((segment) => segment !== "").map(attributeName);
  return /^\d/.test(names[0] ?? "") ? ["layers", ...names] : names;
}
