import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Writes the licences of the packages that a bundle holds parts of, each once, into one file beside it.
 * @param inputs what was bundled, relative to the root: `node_modules/NAME/...`
 * @throws Error where a package names no licence
 */
export function writeLicences(root: string, inputs: readonly string[], file: string): void {
  const found = new Set(
    inputs.flatMap(
      (input) => /(?:^|.*\/)node_modules\/((?:@[^/]+\/)?[^/]+)\//.exec(input)?.[1] ?? [],
    ),
  );
  const names = [...found].sort();
  const parts = names.map((name) => {
    const folder = join(root, "node_modules", name);
    const { version, license, author } = JSON.parse(
      readFileSync(join(folder, "package.json"), "utf8"),
    ) as { readonly version: string; readonly license?: string; readonly author?: unknown };
    if (license === undefined)
      throw new Error(`${name} ${version} is bundled and names no licence`);
    const texts = readdirSync(folder, { withFileTypes: true })
      .filter((each) => each.isFile() && /^(?:licen[cs]e|notice|copying)/i.test(each.name))
      .map(({ name: each }) => readFileSync(join(folder, each), "utf8").trim());
    const said =
      texts.length > 0
        ? texts
        : [`By ${JSON.stringify(author)}; the package holds no text of its licence.`];
    return `${name} ${version} (${license})\n\n${said.join("\n\n")}\n`;
  });
  const head = "The files in this folder contain parts of these packages:\n";
  const list = names.map((name) => `  ${name}\n`);
  writeFileSync(file, [head, ...list, "\n", parts.join(`\n${"-".repeat(72)}\n\n`)].join(""));
}
