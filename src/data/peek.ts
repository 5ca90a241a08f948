import { existsSync } from "node:fs";
import { join } from "node:path";
import { readJson } from "../core/files.ts";
import { type DatasetConfig, readDatasetConfig } from "./config.ts";
import { isSamplesConfig, readSamplesConfig } from "./samples-config.ts";
import { isSetsConfig, readSetsConfig } from "./sets.ts";

/** What is said of a data set before it is opened. */
export interface Peek {
  /** How its pictures are prepared; of version 2, those of its first input that is pictures. */
  readonly config: DatasetConfig;
  readonly splits: readonly string[];
}

/**
 * What a folder, or a config that is named as the data, says of itself.
 * @throws InputError `data/bad-config`, `core/not-json`
 */
export function peekAt(data: string): Peek {
  const file = data.toLowerCase().endsWith(".json") ? data : join(data, "dataset.json");
  if (!existsSync(file)) return { config: {}, splits: [] };
  const json = readJson(file);
  if (!isSamplesConfig(json)) {
    const config = readDatasetConfig(file);
    return { config, splits: Object.keys(config.splits ?? {}) };
  }
  if (isSetsConfig(json)) {
    const sets = readSetsConfig(json, file).map(peekAt);
    const splits = (sets[0]?.splits ?? []).filter((name) =>
      sets.every((set) => set.splits.includes(name)),
    );
    return { config: sets[0]?.config ?? {}, splits };
  }
  const { inputs, splits } = readSamplesConfig(json, file, undefined);
  const pictures = Object.values(inputs).find(({ from }) => from === "images");
  const config =
    pictures?.from === "images"
      ? (({ from: _, list: __, ...rest }): DatasetConfig => rest)(pictures)
      : {};
  return { config, splits: Object.keys(splits ?? {}) };
}
