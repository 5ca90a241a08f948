import { relative } from "node:path";
import { writeJson } from "../../core/files.ts";
import type { SolveHead, SolveReport } from "../../documents/solve.ts";
import { importanceHash } from "../../importance/importance.ts";
import { tableHash } from "../../latency/table.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { TableSource } from "../tables/table-source.ts";
import type { SolvedNetwork } from "./asked-network.ts";
import { type DocumentParts, solveDocument, subnetDocument } from "./solve-document.ts";

export interface SolveParts extends DocumentParts {
  readonly open: OpenNetwork;
  readonly source: TableSource;
}

/** The report of a solved network. */
export function reportOf(parts: SolveParts): SolveReport {
  return solveDocument(headOf(parts.open, parts.source, parts.solved.importance), parts);
}

/** What every answer about a network rests on. */
export function headOf(
  open: OpenNetwork,
  source: TableSource,
  importance: SolvedNetwork["importance"],
): SolveHead {
  const { table } = source;
  const others = [...source.others()].map(([name, other]) => [name, tableHash(other)]);
  return {
    network: { name: open.name, path: shown(open.path), embedded: open.embedded, hash: open.hash },
    device: { asked: source.asked, name: table.device.name, title: source.title },
    table: {
      origin: table.device.kind,
      path: source.path === null ? null : shown(source.path),
      runtime: `${table.runtime.name} ${table.runtime.version}`,
      precision: table.precision,
      batch: table.batch,
      threads: table.threads,
      date: table.date,
      hash: tableHash(table),
      expectedError: table.expectedError,
    },
    ...(others.length === 0 ? {} : { otherTables: Object.fromEntries(others) }),
    importance: {
      method: importance.used.method,
      normalisation: importance.used.normalisation,
      path: importance.path === null ? null : shown(importance.path),
      hash: importanceHash(importance.used),
    },
  };
}

/** Writes the subnet with where it came from. */
export function writeSubnet(
  path: string,
  open: OpenNetwork,
  solved: SolvedNetwork,
  report: SolveReport,
): void {
  writeJson(path, subnetDocument(open, solved, report));
}

/** A path as the user would write it: relative where it lies below the current folder. */
function shown(path: string): string {
  const short = relative(process.cwd(), path);
  return short.startsWith("..") ? path : short;
}
