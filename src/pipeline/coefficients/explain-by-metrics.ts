import { type Granularity, groupsOf } from "../../coefficients/groups.ts";
import { readJson } from "../../core/files.ts";
import type { ReasonsReport } from "../../documents/coefficients.ts";
import { parseSubnet } from "../../subnet/subnet-file.ts";
import { openMetrics } from "../metrics/open-metrics.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";
import type { SolveNetworkOptions } from "../solve/asked-network.ts";
import type { TableSource } from "../tables/table-source.ts";
import { readCoefficients } from "./coefficients-report.ts";
import { reasonsFor } from "./narrow-groups.ts";
import { openBench } from "./search-network.ts";

export interface ExplainByMetrics {
  readonly metrics: string;
  /** subnet.json of the run. */
  readonly subnet: string;
  /** coefficients.json of the run, where there is one. */
  readonly coefficients: string | undefined;
  readonly granularity: Granularity;
  readonly threads: number;
}

/** Why a subnet's groups are as wide as they are, by the user's metrics on the search items. */
export async function explainByMetrics(
  open: OpenNetwork,
  source: TableSource,
  settings: SolveNetworkOptions,
  request: ExplainByMetrics,
  context: RunContext,
): Promise<ReasonsReport> {
  const { subnet } = parseSubnet(readJson(request.subnet), open.structure, request.subnet);
  const coefficients =
    request.coefficients === undefined ? null : readCoefficients(request.coefficients, open);
  const metrics = await openMetrics(request.metrics, open);
  const bench = await openBench(open, source, metrics, settings, request, context);
  try {
    const network = await bench.program(bench.importance);
    const groups = groupsOf(network, request.granularity);
    return await reasonsFor(bench, { network, groups, subnet, coefficients, settings }, context);
  } finally {
    await bench.close();
  }
}
