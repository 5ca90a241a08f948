import { join } from "node:path";
import { embeddedFolder } from "./embedded.ts";

/** The network that commands use when none is named: drawn, trained and scored by this project. */
export interface DefaultNetwork {
  readonly name: string;
  readonly model: string;
  readonly importance: string;
}

/** Files of the embedded default network, wherever the package is installed. */
export function defaultNetwork(): DefaultNetwork {
  const folder = embeddedFolder();
  return {
    name: "shapes-resnet",
    model: join(folder, "shapes-resnet.onnx"),
    importance: join(folder, "importance.json"),
  };
}
