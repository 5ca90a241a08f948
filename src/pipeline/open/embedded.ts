import { join } from "node:path";
import { UsageError } from "../../core/errors.ts";
import { packageRoot } from "../../core/files.ts";

/** The small networks that come with the package, by the name that stands for the file: drawn data, trained by this project. */
export const EMBEDDED = {
  shapes: { file: "shapes-resnet.onnx", about: "classifier of ten shapes, 64 x 64" },
  autoencoder: { file: "autoencoder.onnx", about: "autoencoder of digits, 28 x 28" },
  inspector: { file: "inspector.onnx", about: "defects of plates and their places, 48 x 48" },
  agent: { file: "agent.onnx", about: "model-based pendulum agent of five components" },
  segmenter: { file: "segmenter.onnx", about: "classes of all pixels of scenes, 64 x 64" },
  detector: { file: "detector.onnx", about: "centres and sides of shapes in scenes, 64 x 64" },
  captions: { file: "captions.onnx", about: "image tower, text tower and their fusion, 32 x 32" },
} as const;

/** Folder of the embedded networks. */
export function embeddedFolder(): string {
  return join(packageRoot(), "src", "data", "default");
}

/**
 * The file that a name stands for: `:agent` is an embedded network, anything else is a path already. Nothing is read.
 * @throws UsageError `cli/no-such-network`
 *
 * @example
 * modelPath(":agent").endsWith("agent.onnx") // true
 */
export function modelPath(name: string): string {
  if (!name.startsWith(":")) return name;
  const key = name.slice(1);
  const known = Object.entries(EMBEDDED).find(([embedded]) => embedded === key);
  if (known !== undefined) return join(embeddedFolder(), known[1].file);
  throw new UsageError({
    code: "cli/no-such-network",
    message: `No embedded network is called '${name}'.`,
    where: name,
    hint: `There are ${Object.keys(EMBEDDED)
      .map((embedded) => `:${embedded}`)
      .join(", ")}. A file whose name begins with a colon is named with its folder: ./${name}`,
  });
}
