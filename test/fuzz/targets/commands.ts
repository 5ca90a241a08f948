import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import sharp from "sharp";
import { main } from "../../../src/cli/parse.ts";
import { InternalError } from "../../../src/core/errors.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import { writeModel } from "../../../src/onnx/write.ts";
import { openMetrics } from "../../../src/pipeline/metrics/open-metrics.ts";
import { openNetwork } from "../../../src/pipeline/open/network.ts";
import { NETWORKS } from "../../helpers/networks.ts";
import type { FuzzTarget } from "../target.ts";
import { jsonInputs } from "./documents.ts";

/** A config file for `mdp inspect`, run in this process. */
export const config: FuzzTarget = {
  name: "config",
  open: (folder) => {
    writeModel(modelOf(NETWORKS.slicePadResnet()), join(folder, "network.onnx"));
    const model = join(folder, "network.onnx");
    const rights = [
      { model, dims: true, json: true, bind: { batch: 2 } },
      { model, components: { encoder: "layer1", head: "fc" }, quiet: true },
      { model, component: ["encoder=layer1"], dims: false },
    ];
    const path = join(folder, "config.json");
    return {
      input: jsonInputs(rights),
      read: async ({ bytes }) => {
        writeFileSync(path, bytes);
        const said = await silently(() => main(["inspect", "--config", path]));
        if (said.code === 1) throw new InternalError({ code: "fuzz/exit-1", message: said.text });
      },
    };
  },
};

/** Runs with what is printed caught; the exit code of the process is left as it was. */
async function silently(
  run: () => Promise<void>,
): Promise<{ readonly code: unknown; readonly text: string }> {
  const before = { out: process.stdout.write, err: process.stderr.write, code: process.exitCode };
  let text = "";
  const caught = (chunk: string | Uint8Array): boolean => {
    text += String(chunk);
    return true;
  };
  process.stdout.write = caught;
  process.stderr.write = caught;
  process.exitCode = 0;
  try {
    await run();
    return { code: process.exitCode, text: text.slice(-400) };
  } finally {
    process.stdout.write = before.out;
    process.stderr.write = before.err;
    process.exitCode = before.code;
    process.stdout.removeAllListeners("error");
  }
}

/** metrics.json around right data. */
export const metrics: FuzzTarget = {
  name: "metrics",
  open: async (folder) => {
    const model = join(folder, "network.onnx");
    writeModel(modelOf(NETWORKS.slicePadResnet()), model);
    const open = await openNetwork(model);
    for (let at = 0; at < 12; at += 1) {
      const background = { r: 20 * at, g: 3, b: 5 };
      const place = join(folder, "images", `class${at % 2}`);
      mkdirSync(place, { recursive: true });
      const picture = sharp({ create: { width: 5, height: 5, channels: 3, background } });
      writeFileSync(join(place, `${at}.png`), await picture.png().toBuffer());
    }
    const data = { path: "images", search: 5, confirm: 6 };
    const first = { name: "top", is: "accuracy", require: ">= dense - 1%", maximize: 1 };
    const command = {
      name: "own",
      command: ["true"],
      of: "x",
      better: "lower",
      unit: "number",
      timeoutSeconds: 1,
    };
    const rights = [
      {
        schema: "mdp-metrics/1",
        about: "about",
        data,
        metrics: [first, { name: "r", is: "recall", class: 1, require: ">= 10%" }],
        confidence: "95%",
        seed: 1,
      },
      {
        schema: "mdp-metrics/1",
        data: { search: 5, confirm: 6 },
        metrics: [command],
        confidence: "90%",
        seed: 1,
      },
      {
        schema: "mdp-metrics/1",
        data,
        metrics: [
          { name: "k", is: "accuracy", k: 2, output: "out", target: "dense" },
          { name: "p", is: "psnr", range: 2, at: "false-alarms('class1') <= 2%" },
        ],
      },
    ];
    const path = join(folder, "metrics.json");
    return {
      input: jsonInputs(rights),
      read: async ({ bytes }) => {
        writeFileSync(path, bytes);
        await openMetrics(path, open);
      },
    };
  },
};
