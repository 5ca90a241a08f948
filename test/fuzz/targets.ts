import type { FuzzTarget } from "./target.ts";

const commands = (): Promise<typeof import("./targets/commands.ts")> =>
  import("./targets/commands.ts");
const data = (): Promise<typeof import("./targets/data.ts")> => import("./targets/data.ts");
const documents = (): Promise<typeof import("./targets/documents.ts")> =>
  import("./targets/documents.ts");
const measured = (): Promise<typeof import("./targets/measured.ts")> =>
  import("./targets/measured.ts");
const networks = (): Promise<typeof import("./targets/networks.ts")> =>
  import("./targets/networks.ts");
const report = (): Promise<typeof import("./targets/report.ts")> => import("./targets/report.ts");
const texts = (): Promise<typeof import("./targets/texts.ts")> => import("./targets/texts.ts");
const weights = (): Promise<typeof import("./targets/weights.ts")> =>
  import("./targets/weights.ts");

/** Everything that reads what users give, by name; a target is loaded in the process that tries its inputs. */
export const TARGETS: Readonly<Record<string, () => Promise<FuzzTarget>>> = {
  onnx: async () => (await networks()).onnx,
  graph: async () => (await networks()).graph,
  documents: async () => (await documents()).documents,
  importance: async () => (await documents()).importance,
  table: async () => (await documents()).table,
  subnet: async () => (await documents()).subnet,
  instance: async () => (await documents()).instance,
  device: async () => (await documents()).device,
  limits: async () => (await texts()).limits,
  options: async () => (await texts()).options,
  config: async () => (await commands()).config,
  metrics: async () => (await commands()).metrics,
  "data-config": async () => (await data()).dataConfig,
  images: async () => (await data()).images,
  masks: async () => (await data()).masks,
  archives: async () => (await data()).archives,
  records: async () => (await data()).records,
  columns: async () => (await data()).columns,
  coco: async () => (await data()).coco,
  pickle: async () => (await weights()).pickle,
  safetensors: async () => (await weights()).safetensors,
  checkpoint: async () => (await weights()).checkpoint,
  measured: async () => (await measured()).measured,
  "table-csv": async () => (await measured()).tableCsvs,
  journals: async () => (await measured()).journals,
  observations: async () => (await measured()).observations,
  "run-folder": async () => (await measured()).runFolder,
  report: async () => (await report()).report,
};

/** Faults on purpose, which the tests look for: a run that finds none of them finds nothing. */
export const SABOTAGED: Readonly<Record<string, () => Promise<FuzzTarget>>> = {
  sabotaged: async () => (await import("./targets/sabotaged.ts")).sabotaged,
};
