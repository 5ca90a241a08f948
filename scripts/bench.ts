/**
 * The benchmarks by name: `npm run bench` lists them, `npm run bench -- NAME OPTIONS` runs one.
 *
 * Each is scripts/bench-NAME.ts; the first paragraph of its opening comment is what the list says of it.
 */
import { spawnSync } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const here = import.meta.dirname;
const [name, ...rest] = process.argv.slice(2);
const names = readdirSync(here)
  .map((file) => /^bench-(.+)\.ts$/.exec(file)?.[1])
  .filter((found) => found !== undefined)
  .sort();

if (name === undefined) {
  for (const each of names) console.log(`${each.padEnd(18)}${purposeOf(each)}`);
} else if (names.includes(name)) {
  const script = join(here, `bench-${name}.ts`);
  const command = ["--import", import.meta.resolve("tsx"), script, ...rest];
  process.exitCode = spawnSync(process.execPath, command, { stdio: "inherit" }).status ?? 1;
} else {
  console.error(`There is no benchmark "${name}". There are: ${names.join(", ")}.`);
  process.exitCode = 2;
}

/** The first sentence of a script's opening comment. */
function purposeOf(each: string): string {
  const text = readFileSync(join(here, `bench-${each}.ts`), "utf8");
  const comment = /\/\*\*([\s\S]*?)\*\//.exec(text)?.[1] ?? "";
  const lines = comment.split("\n").map((line) => line.replace(/^\s*\*? ?/, "").trim());
  const begun = lines.slice(lines.findIndex((line) => line !== ""));
  const end = begun.indexOf("");
  const paragraph = begun.slice(0, end === -1 ? begun.length : end).join(" ");
  return /^.*?[.:](?= |$)/.exec(paragraph)?.[0].replace(/:$/, ".") ?? paragraph;
}
