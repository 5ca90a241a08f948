/** What others measured of layers and networks on a Jetson TX1, as the shared test data has it. */
import { join } from "node:path";
import { parse } from "csv-parse/sync";
import { readFileBytes } from "../../src/core/files.ts";

type Row = Readonly<Record<string, string>>;

/** Milliseconds of layers and networks by `network,library,batch[,layer]`. */
export interface Measured {
  readonly layers: ReadonlyMap<string, number>;
  readonly networks: ReadonlyMap<string, number>;
  readonly batches: readonly number[];
}

function readRows(shared: string, name: string): Row[] {
  const text = new TextDecoder().decode(readFileBytes(join(shared, "latency", name)));
  return parse(text, { columns: true }) as Row[];
}

const TENSORRT = "tensorrt-1.0.0";

export function readMeasured(shared: string): Measured {
  const rows = readRows(shared, "jetson-tx1-layers.csv");
  const others = rows.filter((row) => row["library"] !== TENSORRT);
  const tensorrt = tensorrtLayers(rows.filter((row) => row["library"] === TENSORRT));
  const layers = new Map([
    ...others.map((row) => [keyOf(row, row["library"], row["layer"]), msOf(row)] as const),
    ...tensorrt.map(({ row, library, layer }) => [keyOf(row, library, layer), msOf(row)] as const),
  ]);
  const networks = new Map(
    readRows(shared, "jetson-tx1-networks.csv")
      .filter((row) => row["library"] !== TENSORRT)
      .map((row) => [keyOf(row, row["library"]), Number(row["median_forward_ms"])]),
  );
  for (const { row, library } of tensorrt) {
    const network = keyOf(row, library);
    networks.set(network, (networks.get(network) ?? 0) + msOf(row));
  }
  const batches = [...new Set(rows.map((row) => Number(row["batch"])))].sort((a, b) => a - b);
  return { layers, networks, batches };
}

interface TensorrtLayer {
  readonly row: Row;
  readonly library: string;
  readonly layer: string;
}

/**
 * TensorRT's layers come twice: the rows of a float16 run are one index behind those of a float32 run, because its input
 * is converted first. Its network times are medians over both, so that the sums of layers take their place.
 */
function tensorrtLayers(rows: readonly Row[]): TensorrtLayer[] {
  return [...groupBy(rows, (row) => keyOf(row, "", row["layer"]))].flatMap(([key, pair]) => {
    const ordered = [...pair].sort((a, b) => Number(a["index"]) - Number(b["index"]));
    const precisions = key.includes("zipper") ? ["float16"] : ["float32", "float16"];
    return ordered.map((row, at) => ({
      row,
      library: `${TENSORRT} ${precisions[at]}`,
      layer: headOf(row["layer"] ?? ""),
    }));
  });
}

function msOf(row: Row): number {
  return Number(row["median_ms"]);
}

/** "conv1 + relu1" is called for the first. */
function headOf(layer: string): string {
  return layer.split(" + ")[0] ?? layer;
}

function keyOf(row: Row, library = "", layer?: string): string {
  const { model, batch } = row;
  return [model, library, batch, ...(layer === undefined ? [] : [layer])].join();
}

export function groupBy<Item>(
  items: readonly Item[],
  keyOfItem: (item: Item) => string,
): Map<string, Item[]> {
  const groups = new Map<string, Item[]>();
  for (const item of items)
    groups.set(keyOfItem(item), [...(groups.get(keyOfItem(item)) ?? []), item]);
  return groups;
}
