import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { randomFrom } from "../../src/core/random.ts";

/** Writes random pictures of 3 x 8 x 8 with random labels 0 to 4 as `images.bin`, and `config.json` that reads them. */
export function writeRecords(folder: string, images: number, seed: number): void {
  const random = randomFrom(seed);
  const record = 1 + 3 * 8 * 8;
  const bytes = new Uint8Array(images * record);
  for (let at = 0; at < bytes.length; at += 1)
    bytes[at] = at % record === 0 ? random.integer(5) : random.integer(256);
  writeFileSync(join(folder, "images.bin"), bytes);
  writeFileSync(
    join(folder, "config.json"),
    JSON.stringify({
      ...{
        schema: "mdp-dataset/1",
        format: "records",
        mean: [0.5, 0.5, 0.5],
        std: [0.3, 0.3, 0.3],
      },
      record: { channels: 3, height: 8, width: 8 },
      classes: ["a", "b", "c", "d", "e"],
    }),
  );
}
