import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageRoot, parseJson } from "../../../src/core/files.ts";
import { type Random, randomFrom } from "../../../src/core/random.ts";
import { parseDocument } from "../../../src/documents/document.ts";
import { jsonSchemas } from "../../../src/documents/json-schema.ts";
import { DOCUMENTS } from "../../../src/documents/registry.ts";
import { networkProblem } from "../../../src/formulation/network/network-problem.ts";
import { exactPresolve } from "../../../src/formulation/presolve/presolve.ts";
import { parseInstance } from "../../../src/formulation/problem/instance.ts";
import type { Problem } from "../../../src/formulation/problem/problem.ts";
import { checkProblem } from "../../../src/formulation/problem/problem-check.ts";
import type { Importance } from "../../../src/importance/importance.ts";
import { checkImportance, parseImportance } from "../../../src/importance/importance.ts";
import { resolveDevice } from "../../../src/latency/devices.ts";
import { parseDevice } from "../../../src/latency/predict/device.ts";
import { predictTable } from "../../../src/latency/predict/predict-table.ts";
import type { LatencyTable } from "../../../src/latency/table.ts";
import { modelOf } from "../../../src/onnx/model.ts";
import { writeModel } from "../../../src/onnx/write.ts";
import { openNetwork } from "../../../src/pipeline/open/network.ts";
import { tableFor } from "../../../src/pipeline/tables/table-source.ts";
import type { Structure } from "../../../src/structure/structure.ts";
import { cutGraph } from "../../../src/subnet/cut.ts";
import { randomSubnet } from "../../../src/subnet/random-subnet.ts";
import { parseSubnet, subnetJson } from "../../../src/subnet/subnet-file.ts";
import { limitable } from "../../helpers/limited-network.ts";
import { NETWORKS } from "../../helpers/networks.ts";
import { exampleOf } from "../examples.ts";
import { mutatedBytes } from "../mutate/bytes.ts";
import { mutatedJson } from "../mutate/json.ts";
import { bytesOf, type FuzzInput, type FuzzTarget, mutations, textOf } from "../target.ts";

/** Right documents, changed in their structure, and in one of eight cases in their bytes. */
export function jsonInputs(seeds: readonly unknown[]): (random: Random) => FuzzInput {
  const texts = seeds.map((seed) => JSON.stringify(seed));
  const structural = (text: string, random: Random): string => mutatedJson(text, random);
  return mutations(texts, ...Array.from({ length: 7 }, () => structural), (text, random) =>
    mutatedBytes(bytesOf(text), random),
  );
}

const documentOf = (input: FuzzInput): unknown => parseJson(textOf(input), "fuzz.json");

/** Every document by its schema. */
export const documents: FuzzTarget = {
  name: "documents",
  open: () => {
    const random = randomFrom(1);
    const schemas = [...jsonSchemas().values()];
    const rows = Object.entries(DOCUMENTS).flatMap(([name, schema]) => {
      const json = schemas.find((one) => one["title"] === name) ?? {};
      return Array.from({ length: 3 }, () => ({ schema, example: exampleOf(json, random) }));
    });
    return {
      input: jsonInputs(rows.map(({ example }) => example)),
      read: (input) => {
        const schema = rows[input.seed]?.schema;
        if (schema !== undefined) parseDocument(schema, documentOf(input), "fuzz.json");
      },
    };
  },
};

/** The program of a network, reduced under half of its latency. */
async function reduce(
  structure: Structure,
  importance: Importance,
  table: LatencyTable,
): Promise<void> {
  const { problem } = networkProblem(structure, importance, table, {
    ...{ step: 4, countFrom: "full", maxPrune: 0.9, protect: null },
    ...{ blocks: true, layers: true, budgetMs: table.denseMs / 2 },
  });
  await reduced(problem);
}

async function reduced(problem: Problem): Promise<void> {
  checkProblem(problem);
  const until = performance.now() + 1500;
  await exactPresolve(problem, { mustStop: () => performance.now() > until });
}

const ready = (): ReturnType<typeof limitable> => limitable(NETWORKS.bottleneckResnet());

export const importance: FuzzTarget = {
  name: "importance",
  open: () => {
    const { structure, importance: right, table } = ready();
    return {
      input: jsonInputs([right]),
      read: async (input) => {
        const read = parseImportance(documentOf(input), "fuzz.json");
        checkImportance(read, structure, "fuzz.json");
        await reduce(structure, read, table);
      },
    };
  },
};

export const table: FuzzTarget = {
  name: "table",
  open: async (folder) => {
    const { structure, importance: right, table: whole } = ready();
    const [model, path] = [join(folder, "network.onnx"), join(folder, "table.json")];
    writeModel(modelOf(structure.graph), model);
    const open = await openNetwork(model);
    return {
      input: jsonInputs([whole, { ...whole, schema: "mdp-latency-table/2" }]),
      read: async ({ bytes }) => {
        writeFileSync(path, bytes);
        const { table: read } = tableFor(open, { table: path, commandLine: "fuzz" });
        await reduce(structure, right, read);
      },
    };
  },
};

export const subnet: FuzzTarget = {
  name: "subnet",
  open: () => {
    const { structure } = ready();
    const random = randomFrom(3);
    const rights = Array.from({ length: 4 }, () =>
      subnetJson(structure, randomSubnet(structure, random)),
    );
    return {
      input: jsonInputs(rights),
      read: (input) => {
        const read = parseSubnet(documentOf(input), structure, "fuzz.json");
        cutGraph(structure, read.subnet);
      },
    };
  },
};

export const instance: FuzzTarget = {
  name: "instance",
  open: () => ({
    input: jsonInputs([smallInstance(false), smallInstance(true)]),
    read: async (input) => {
      await reduced(parseInstance(documentOf(input), "fuzz.json").problem);
    },
  }),
};

/** Three groups, a block that may be dropped, tables over one and two groups. */
function smallInstance(named: boolean): unknown {
  const list = (length: number, step: number): number[] =>
    Array.from({ length }, (_, at) => at * step);
  const group = (id: string, options: number, layers: readonly string[]): object => ({
    ...{ id, options, layers, importance: list(options, 2) },
    ...(named ? { channels: list(options, 8) } : {}),
  });
  const layer = (
    name: string,
    own: string,
    from: string | null,
    block: number,
    rows: number,
  ): object => ({
    ...{ name, group: own, inputGroup: from, block, importance: list(rows, 3) },
    latency: from === null ? list(rows, 1) : Array.from({ length: 4 }, (_, at) => list(rows, at)),
  });
  return {
    name: "small",
    units: { latency: "ms", importance: "" },
    groups: [
      { ...group("a", 4, ["first", "third"]), keepAll: named },
      group("b", 4, ["second"]),
      group("c", 4, ["last"]),
    ],
    layers: [
      layer("first", "a", null, 0, 4),
      layer("second", "b", "a", 1, 4),
      layer("third", "a", "b", 1, 4),
      layer("last", "c", "a", 0, 4),
    ],
    budget: 20,
    reference: { optimum: 10 },
  };
}

export const device: FuzzTarget = {
  name: "device",
  open: () => {
    const { structure } = ready();
    const folders = [join(packageRoot(), "latency-tables")];
    const names = ["jetson-nano", "jetson-xavier", "jetson-agx-orin"];
    const rights = names.map((name) => resolveDevice(name, folders).description);
    return {
      input: jsonInputs(rights),
      read: (input) => {
        const description = parseDevice(documentOf(input), "fuzz.json");
        predictTable(structure, description, {
          ...{ batch: 1, precision: "float16", step: 8, networkName: "network", command: "fuzz" },
        });
      },
    };
  },
};
