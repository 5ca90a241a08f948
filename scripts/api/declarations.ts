import { readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize, relative } from "node:path";

export const root = join(import.meta.dirname, "../..");

/** A declaration with the docstring above it. */
export interface Declaration {
  readonly name: string;
  readonly kind: string;
  /** Lines of the docstring without its stars; empty where there is none. */
  readonly doc: readonly string[];
  /** The head: a function's parameters and result, what a type or interface is. */
  readonly head: string;
  /** Members of an interface. */
  readonly members: readonly Member[];
}

export interface Member {
  readonly name: string;
  readonly optional: boolean;
  readonly type: string;
  readonly doc: string;
}

const DECLARATION =
  /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\n)?export (?:declare )?(?:async )?(function|const|interface|type|class) (\w+)/g;

/** The exported declarations of a source file. */
export function declarationsIn(file: string): readonly Declaration[] {
  const text = readFileSync(join(root, file), "utf8");
  return [...text.matchAll(DECLARATION)].map((match) => {
    const [whole, doc = "", kind = "", name = ""] = match;
    const from = match.index + whole.length;
    return {
      name,
      kind,
      doc: linesOf(doc),
      head: headOf(kind, text.slice(from)),
      members: kind === "interface" ? membersOf(text.slice(from)) : [],
    };
  });
}

function linesOf(doc: string): readonly string[] {
  return doc
    .split("\n")
    .map((line) => line.replace(/^\s*\*? ?/, "").trimEnd())
    .filter((line, index, all) => line !== "" || (index > 0 && index < all.length - 1));
}

/** A function's parameters and result, on one line. */
function headOf(kind: string, rest: string): string {
  if (kind !== "function") return "";
  const end = rest.search(/ \{\n/);
  return rest.slice(0, end).replaceAll(/\s+/g, " ").replaceAll("( ", "(").replaceAll(/,? \)/g, ")");
}

const MEMBER =
  /(?:\/\*\*((?:(?!\*\/)[\s\S])*)\*\/\s*)?readonly (\w+)(\??): ((?:[^;{]|\{[^}]*\})+);/g;

function membersOf(rest: string): readonly Member[] {
  const body = rest.slice(rest.indexOf("{") + 1, rest.search(/\n\}/));
  return [...body.matchAll(MEMBER)].map(([, doc = "", name = "", mark = "", type = ""]) => ({
    name,
    optional: mark === "?" || / \| undefined$/.test(type),
    type: type.replaceAll(/\s+/g, " ").replace(/ \| undefined$/, ""),
    doc: linesOf(doc).join(" "),
  }));
}

/** Names that a file of exports hands on, each with the file that declares it. */
export function exportsOf(file: string): ReadonlyMap<string, string> {
  const text = readFileSync(join(root, file), "utf8");
  const found = new Map<string, string>();
  for (const [, names, path = ""] of text.matchAll(
    /export (?:type )?(?:\{([^}]*)\}|\*) from "([^"]+)"/g,
  )) {
    const from = relative(root, normalize(join(root, dirname(file), path)));
    const listed =
      names === undefined
        ? declarationsIn(from).map(({ name }) => name)
        : names
            .split(",")
            .map((name) => name.replace(/^\s*type /, "").trim())
            .filter((name) => name !== "");
    for (const name of listed) found.set(name.split(" as ").at(-1) ?? name, from);
  }
  return found;
}

/** The files of exports, one per group. */
export function groupFiles(): readonly string[] {
  return readdirSync(join(root, "src/api"))
    .sort()
    .map((name) => `src/api/${name}`);
}
