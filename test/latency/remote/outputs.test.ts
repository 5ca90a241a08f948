import { describe, expect, test } from "vitest";
import { tensorrtVersion } from "../../../src/latency/remote/probe/facts.ts";
import { parsePerfTest } from "../../../src/latency/remote/runners/perf-test.ts";
import { trtFlags, trtPrecisions } from "../../../src/latency/remote/runners/trtexec/flags.ts";
import {
  parseTrtLayers,
  parseTrtProfile,
  parseTrtTimes,
} from "../../../src/latency/remote/runners/trtexec/outputs.ts";

// Stand-ins: written by hand after the sources and the documentation of each version, not recorded on a device.

describe("the version of trtexec", () => {
  test.each([
    ["&&&& RUNNING TensorRT.trtexec [TensorRT v8001] # trtexec --help", "8.0.1"],
    ["&&&& RUNNING TensorRT.trtexec [TensorRT v8201] # trtexec --help", "8.2.1"],
    ["&&&& RUNNING TensorRT.trtexec [TensorRT v8602] # trtexec --help", "8.6.2"],
    ["&&&& RUNNING TensorRT.trtexec [TensorRT v100900] [b34] # trtexec", "10.9.0"],
    ["&&&& RUNNING TensorRT.trtexec [TensorRT v101303] [b9] # trtexec", "10.13.3"],
    ["&&&& RUNNING TensorRT.trtexec [TensorRT v110300] [b99]", "11.3.0"],
    ["&&&& RUNNING TensorRT.trtexec [TensorRT v11.1.0.106] [b48] # trtexec", "11.1.0.106"],
    ["bash: trtexec: command not found", null],
    ["[TensorRT v12]", null],
  ])("of '%s' is %s", (banner, version) => {
    expect(tensorrtVersion(banner)).toBe(version);
  });
});

const COMMON = "--onnx=<f> --saveEngine=<f> --loadEngine=<f> --exportTimes=<f> --exportProfile=<f>";

describe("options of trtexec", () => {
  test("are the old names on 8.2, and the workspace is set, whose default is 16 MiB there", () => {
    const help = `${COMMON} --nvtxMode=mode --buildOnly --workspace=N --fp16 --exportLayerInfo=<f>`;
    expect(trtFlags(help, "float16", 20)).toEqual({
      build: ["--fp16", "--buildOnly", "--nvtxMode=verbose", "--workspace=1024"],
      run: ["--warmUp=200", "--duration=0", "--iterations=20"],
      layerInfo: true,
    });
  });

  test("are the new names where both are there, and no workspace", () => {
    const help = `${COMMON} --nvtxMode=mode --profilingVerbosity=mode --buildOnly --skipInference --workspace=N
      --memPoolSize=poolspec --timingCacheFile=<f> --noDataTransfers --useSpinWait`;
    const { build, run } = trtFlags(help, "float32", 20);
    expect(build).toEqual([
      "--skipInference",
      "--profilingVerbosity=detailed",
      "--timingCacheFile=timing.cache",
    ]);
    expect(run.slice(-2)).toEqual(["--noDataTransfers", "--useSpinWait"]);
  });

  test("that choose a precision are gone in 11", () => {
    expect(trtPrecisions(COMMON)).toEqual(["float32"]);
    expect(trtPrecisions(`${COMMON} --fp16`)).toEqual(["float32", "float16"]);
    expect(() => trtFlags(COMMON, "float16", 20)).toThrow(
      expect.objectContaining({ code: "remote/precision" }),
    );
  });

  test("that are needed are named where a version lacks them", () => {
    expect(() => trtFlags("--onnx --deploy", "float32", 20)).toThrow(
      expect.objectContaining({ code: "remote/old-trtexec" }),
    );
  });
});

describe("trtexec's profile", () => {
  test("of 8.2 gives means, that of newer versions medians", () => {
    const old = `[
  { "count" : 20 }
, { "name" : "conv1 + relu1", "timeMs" : 10.4, "averageMs" : 0.52, "percentage" : 60 }
, { "name" : "fc", "timeMs" : 2, "averageMs" : 0.1, "percentage" : 40 }
]
`;
    expect(parseTrtProfile(old, "board")).toEqual([
      { name: "conv1 + relu1", ms: 0.52 },
      { name: "fc", ms: 0.1 },
    ]);
    const recent = old.replaceAll(`, "percentage"`, `, "medianMs" : 0.4, "percentage"`);
    expect(parseTrtProfile(recent, "board").map(({ ms }) => ms)).toEqual([0.4, 0.4]);
  });

  test("may hold what C++ prints for a share of nothing", () => {
    const text = `[ { "count" : 1 }, { "name" : "a", "timeMs" : 0, "averageMs" : 0, "percentage" : -nan } ]`;
    expect(parseTrtProfile(text, "board")).toEqual([{ name: "a", ms: 0 }]);
  });

  test.each(["", "[]", "{}", '[ { "count" : 1 }', "\0\0\0", "[1, 2]", `[{"count":1},{"name":5}]`])(
    "that is damaged (%j) is an error",
    (text) => {
      expect(() => parseTrtProfile(text, "board")).toThrow(
        expect.objectContaining({ code: "remote/bad-trtexec-file" }),
      );
    },
  );
});

describe("trtexec's times", () => {
  test("are without the runs that warmed up, which 8.2 writes and 8.6 doesn't", () => {
    const row = (start: number, compute: number, extra = ""): string =>
      `{ "startComputeMs" : ${start}, "endComputeMs" : ${start + compute}, "computeMs" : ${compute}${extra} }`;
    const old = [row(10, 9), row(150, 9), row(201, 2), row(204, 3)].map((text) =>
      text.replace(" }", `, "endToEndMs" : 9 }`),
    );
    expect(parseTrtTimes(`[ ${old.join("\n, ")} ]`, "board")).toEqual([2, 3]);
    expect(parseTrtTimes(`[ ${row(1, 2)}, ${row(3, 4)} ]`, "board")).toEqual([2, 4]);
    expect(() => parseTrtTimes("[]", "board")).toThrow(
      expect.objectContaining({ code: "remote/bad-trtexec-file" }),
    );
  });
});

describe("trtexec's layers", () => {
  test("are names in engines of 8.2, objects with the ONNX nodes in those of 8.6 and later", () => {
    expect(parseTrtLayers(`{"Layers": ["a + b"\n,"c"\n],\n"Bindings": ["x"]\n}`, "board")).toEqual([
      { name: "a + b", type: null, onnxNodes: [] },
      { name: "c", type: null, onnxNodes: [] },
    ]);
    const detailed = `{"Layers": [{"Name": "__myl_ConvAdd_myl0_1", "LayerType": "kgen", "Inputs": [],
      "Metadata": "[ONNX Layer: /a/Conv]\u001e[ONNX Layer: odd]name]\u001f[ONNX Layer: /a/Conv]"}],
      "I/O Tensors": [{"Name": "x"}]}`;
    expect(parseTrtLayers(detailed, "board")).toEqual([
      { name: "__myl_ConvAdd_myl0_1", type: "kgen", onnxNodes: ["/a/Conv", "odd]name"] },
    ]);
  });
});

describe("onnxruntime_perf_test's results", () => {
  test("are seconds per run, with words behind them", () => {
    const text = [
      "n1.onnx,0.00251,12345,99,0",
      "odd,name.onnx,0.00249,12345,99,1",
      "",
      "Min Latency is 0.00249sec",
    ].join("\n");
    expect(parsePerfTest(text, "board")).toEqual([2.51, 2.49]);
    expect(() => parsePerfTest("Min Latency is 0.1sec\n", "board")).toThrow(
      expect.objectContaining({ code: "remote/bad-perf-test-file" }),
    );
  });
});
