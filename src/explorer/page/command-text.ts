import { quotedWord } from "../../core/shell-words.ts";
import type { ExplorerDevice, ExplorerSettings } from "../../pipeline/explore/explorer-data.ts";

/** The command line that gives the same answer. */
export function commandText(
  command: readonly string[],
  { option }: Pick<ExplorerDevice, "option">,
  settings: ExplorerSettings,
): string {
  const words = [...command, `--${option[0]}`, option[1]];
  const add = (name: string, value: string | number | undefined): void => {
    if (value !== undefined) words.push(`--${name}`, String(value));
  };
  add("budget", settings.budget);
  add("step", settings.step);
  add("multiple-of", settings.multipleOf);
  if (settings.maxPrune !== 0.95) add("max-prune", settings.maxPrune);
  add("protect", settings.protect);
  if (!settings.blocks) words.push("--no-blocks");
  if (!settings.layers) words.push("--no-layers");
  for (const each of settings.limit) add("limit", each);
  for (const each of settings.soft) add("soft", each);
  for (const each of settings.penalty) add("penalty", each);
  add("minimize", settings.minimize);
  for (const each of settings.component) add("component", each);
  add("time-limit", settings.timeLimit);
  if (settings.gap !== 0) add("gap", settings.gap);
  return [...words, "--out", "subnet.json"].map(quotedWord).join(" ");
}
