import { gunzipSync } from "node:zlib";
import { parse } from "csv-parse/sync";
import { readFileBytes } from "../../src/core/files.ts";
import type { KnownCell } from "../../src/latency/cells/cell.ts";

/** Convolutions that others measured under TensorRT: the regular ones of a gzipped CSV file of the shared test data. */
export function readV100Cells(path: string): KnownCell[] {
  const text = new TextDecoder().decode(gunzipSync(readFileBytes(path)));
  const rows = parse(text, { columns: true }) as Record<string, string>[];
  return rows
    .filter((row) => row["type"] === "Regular")
    .map((row) => {
      const number = (name: string): number => Number(row[name]);
      return {
        batch: number("batch"),
        inChannels: number("in_channels"),
        outChannels: number("out_channels"),
        height: number("height"),
        width: number("width"),
        kernel: number("kernel"),
        stride: number("stride"),
        fused: row["fused"] === "1",
        ms: number("median_ms"),
      };
    });
}
