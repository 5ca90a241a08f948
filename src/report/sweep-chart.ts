import { frontierSvg } from "./frontier-chart.ts";
import type { SweepReport } from "./sweep-report.ts";

/** The frontier as a figure: importance kept against latency; the same points give the same bytes. */
export async function sweepSvg(report: SweepReport): Promise<string> {
  const { dense, unit, points, head, name } = report;
  const solved = points.flatMap((point) =>
    point.latency === null || point.objective === null
      ? []
      : [{ ...point, latency: point.latency, objective: point.objective }],
  );
  const isProven = solved.every(({ status }) => status === "optimal");
  const origin = head?.table.origin === "predicted" ? "predicted latencies" : "measured latencies";
  const subtitle = [
    ...(head === null ? [] : [origin]),
    `the best subnet within each budget${isProven ? ", all proven" : "; hollow: not proven, dashed up to the bound"}`,
  ].join("; ");
  return frontierSvg({
    title: head === null ? name : `${name} on ${head.device.title}`,
    subtitle: `${subtitle[0]?.toUpperCase()}${subtitle.slice(1)}`,
    xName: `latency (${unit})`,
    yName: "importance kept (%)",
    dense: { x: dense.latency, y: 100 },
    points: solved.map(({ budget, latency, objective, bound, status }) => ({
      x: latency,
      y: (100 * objective) / dense.objective,
      label: budget,
      bound: status === "optimal" || bound === null ? null : (100 * bound) / dense.objective,
    })),
  });
}
