import { InternalError } from "../../core/errors.ts";
import type { Graph } from "../../graph/graph.ts";
import type { ModuleOptions, PyTorchModule } from "./module-text.ts";

/**
 * The network as a readable PyTorch module that gives the same outputs within 1e-5 relative.
 *
 * The file exports `build()`, which makes the network with fresh weights, and `FEATURES`. Keys of the state_dict are the
 * network's own names of its constants where those are module paths.
 * @throws UnsupportedError `pytorch/unsupported-op` where an op has no counterpart
 */
export function writeModule(_graph: Graph, _options: ModuleOptions = {}): PyTorchModule {
  throw new InternalError({ code: "pytorch/not-yet", message: "Not written yet." });
}
