import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import {
  csvDictionary,
  isNnMeter,
  isPlainDictionary,
  nnMeterDictionary,
  plainDictionary,
} from "../../../src/authors/plain-dictionary.ts";
import { parseJson } from "../../../src/core/files.ts";
import { parseTegrastats, readingOf } from "../../../src/latency/energy/tegrastats.ts";
import { openSamples } from "../../../src/latency/measure/samples.ts";
import { profiledOps } from "../../../src/latency/ops.ts";
import { readObservations } from "../../../src/latency/predict/observations.ts";
import { readFacts } from "../../../src/latency/remote/probe/facts.ts";
import { parsePerfTest } from "../../../src/latency/remote/runners/perf-test.ts";
import {
  parseTrtLayers,
  parseTrtProfile,
  parseTrtTimes,
} from "../../../src/latency/remote/runners/trtexec/outputs.ts";
import { readTableCsv, tableCsv } from "../../../src/latency/tables/table-csv.ts";
import { openRunFolder } from "../../../src/pipeline/prune/run-folder.ts";
import { appendLedger, ledgerPath, readLedger } from "../../../src/release/ledger.ts";
import { parseProfile } from "../../../src/runtime/profile.ts";
import { limitable } from "../../helpers/limited-network.ts";
import { NETWORKS } from "../../helpers/networks.ts";
import { mutatedBytes } from "../mutate/bytes.ts";
import { mutatedJson } from "../mutate/json.ts";
import { mutatedText } from "../mutate/text.ts";
import { bytesOf, type FuzzTarget, mutations, textOf } from "../target.ts";
import { jsonInputs } from "./documents.ts";

interface Format {
  readonly right: string;
  readonly read: (text: string) => unknown;
  readonly isJson?: boolean;
}

const json = (right: unknown, read: (text: string) => unknown): Format => ({
  right: JSON.stringify(right),
  read,
  isJson: true,
});
const WHERE = "fuzz";
const PROBE =
  "\nmdp-n0 probe\nsystem\tLinux aarch64\nhost\tboard\ncores\t6\nclock\t100 200\nmemory\t8000000 4000000\ndisk\t100 50\nnvpmodel\tNV Power Mode: MAXN 0\nclocks\tcpu0 MinFreq=1 MaxFreq=1 CurrentFreq=1\nend\tn0\n";
const TEGRA =
  "RAM 2462/7844MB (lfb 2x4MB) CPU [13%@1190] EMC_FREQ 0% VDD_IN 5120mW/5000mW VDD_CPU 100/90 NC 3/3";

const FORMATS: readonly Format[] = [
  json(
    [{ count: 10 }, { name: "conv1", timeMs: 4, averageMs: 0.4, medianMs: 0.39, percentage: 10 }],
    (text) => parseTrtProfile(text, WHERE),
  ),
  json([{ startInMs: 0, startComputeMs: 500, computeMs: 2, endToEndMs: 3 }], (text) =>
    parseTrtTimes(text, WHERE),
  ),
  json(
    {
      Layers: [
        "a",
        { Name: "b", LayerType: "conv", Metadata: "[ONNX Layer: x]\u001e[ONNX Layer: y]" },
      ],
    },
    (text) => parseTrtLayers(text, WHERE),
  ),
  json(
    [
      { cat: "Node", name: "c_kernel_time", dur: 3, args: { op_name: "Conv" } },
      { cat: "Session", name: "model_run", dur: 9 },
    ],
    (text) => parseProfile(text, WHERE),
  ),
  {
    right: "resnet,0.002,1000,50,0\nresnet,0.003,1000,50,1\nAverage inference time: 2 ms\n",
    read: (text) => parsePerfTest(text, WHERE),
  },
  { right: TEGRA, read: (text) => [parseTegrastats(text), readingOf([text], [text, text], 2)] },
  { right: PROBE, read: (text) => readFacts(text, "n0", WHERE) },
  json({ "64_32_3_1_1_56_8_float16": 0.1 }, (text) => {
    const value = parseJson(text, WHERE);
    return isPlainDictionary(value) ? plainDictionary(value, WHERE) : null;
  }),
  json(
    {
      "conv-bn-relu": {
        one: {
          config: { HW: 56, CIN: 64, COUT: 32, KERNEL_SIZE: 3, STRIDES: [1, 1] },
          latency: "0.2 +- 0.1",
        },
      },
    },
    (text) => {
      const value = parseJson(text, WHERE);
      return isNnMeter(value) ? nnMeterDictionary(value, WHERE) : null;
    },
  ),
  {
    right: "in,out,kernel,stride,height,width,batch,groups,ms\n3,8,3,1,32,32,1,1,0.5\n",
    read: (text) => csvDictionary(text, WHERE),
  },
];

/** What devices and other programs write. */
export const measured: FuzzTarget = {
  name: "measured",
  open: () => ({
    input: mutations(FORMATS, ({ right, isJson }, random) =>
      random.integer(6) === 0
        ? mutatedBytes(bytesOf(right), random)
        : isJson === true
          ? mutatedJson(right, random)
          : mutatedText(right, random),
    ),
    read: (input) => FORMATS[input.seed]?.read(textOf(input)),
  }),
};

export const tableCsvs: FuzzTarget = {
  name: "table-csv",
  open: () => {
    const { structure, table } = limitable(NETWORKS.bottleneckResnet(), 16);
    const ops = profiledOps(structure);
    return {
      input: mutations([tableCsv(table)], mutatedText, (text, random) =>
        mutatedBytes(bytesOf(text), random),
      ),
      read: (input) => readTableCsv(textOf(input), ops, WHERE),
    };
  },
};

/** Files that mdp writes line by line and reads again after a crash; each is added to once it was read. */
export const journals: FuzzTarget = {
  name: "journals",
  open: (folder) => {
    const live = join(folder, "live.onnx");
    const [samples, ledger] = [join(folder, "samples.jsonl"), ledgerPath(live)];
    const config = { network: "n", batch: 1 };
    const sample = {
      key: "k",
      counts: [1],
      droppedBlocks: [],
      droppedLayers: [],
      opMs: [1],
      opEvents: [1],
      totalMs: 1,
      referenceMs: 1,
      date: "d",
    };
    const header = { schema: "mdp-latency-samples/1", config, ops: ["op"] };
    const now = new Date(0);
    const entry = { kind: "placed", sha256: "0".repeat(64) } as const;
    const lines = Array.from({ length: 3 }, () => JSON.stringify(appendLedger(live, entry, now)));
    const rights = [
      [header, sample, { ...sample, key: "other" }].map((line) => JSON.stringify(line)).join("\n"),
      `${lines.join("\n")}\n`,
    ];
    return {
      input: mutations(rights, mutatedText, (text, random) => mutatedBytes(bytesOf(text), random)),
      read: ({ bytes, seed }) => {
        const path = seed === 0 ? samples : ledger;
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, bytes);
        if (seed === 0) openSamples(path, config, ["op"]).add(sample);
        else {
          readLedger(live);
          appendLedger(live, entry, now);
        }
      },
    };
  },
};

export const observations: FuzzTarget = {
  name: "observations",
  open: (folder) => {
    const path = join(folder, "observations.json");
    const run = { network: "a.onnx", batch: 1, precision: "float16", ms: 2 };
    const right = {
      schema: "mdp-observations/1",
      observations: [run, { network: "a.onnx", table: "t.json" }],
    };
    return {
      input: jsonInputs([right]),
      read: ({ bytes }) => {
        writeFileSync(path, bytes);
        readObservations(path);
      },
    };
  },
};

export const runFolder: FuzzTarget = {
  name: "run-folder",
  open: (folder) => {
    const place = join(folder, "run");
    mkdirSync(place);
    writeFileSync(join(place, "out.txt"), "content");
    const stage = { key: "k", seconds: 1, outputs: { "out.txt": "0".repeat(64) } };
    const right = { schema: "mdp-run/1", stages: { score: stage, solve: stage } };
    return {
      input: jsonInputs([right]),
      read: async ({ bytes }) => {
        writeFileSync(join(place, "run.json"), bytes);
        const run = openRunFolder(place);
        const work = (): Promise<void> => Promise.resolve();
        await run.stage({ name: "score", dependsOn: 1, outputs: ["out.txt"], run: work });
        for (const file of ["lock", "lock.json"]) {
          if (existsSync(join(place, file))) rmSync(join(place, file));
        }
      },
    };
  },
};
