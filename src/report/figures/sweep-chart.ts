import type { SweepPoint, SweepReport } from "../../documents/sweep.ts";
import { withUnit } from "../sweep-report.ts";
import { frontierSvg } from "./frontier-chart.ts";

/** The frontier as a figure: importance kept against latency; the same points give the same bytes. */
export async function sweepSvg(report: SweepReport): Promise<string> {
  const { dense, unit, points, head, name } = report;
  if (report.swept !== undefined) return zerosSvg(report);
  const solved = points.flatMap((point) =>
    point.latency === null || point.importance === null
      ? []
      : [{ ...point, latency: point.latency, importance: point.importance }],
  );
  const isProven = solved.every(({ status }) => status === "optimal");
  const origin = head?.table.origin === "predicted" ? "predicted latencies" : "measured latencies";
  const subtitle = [
    ...(head === null ? [] : [origin]),
    `the best subnet within each budget, labelled with it${isProven ? "; all proven" : "; hollow: not proven, dashed up to the bound"}`,
  ].join("; ");
  return frontierSvg({
    title: head === null ? name : `${name} on ${head.device.title}`,
    subtitle: `${subtitle[0]?.toUpperCase()}${subtitle.slice(1)}`,
    xName: withUnit("latency", unit),
    yName: "importance kept (%)",
    dense: { x: dense.latency, y: 100 },
    points: solved.map((point) => ({
      x: point.latency,
      y: (100 * point.importance) / dense.importance,
      label: point.budget,
      bound: boundOf(point, dense.importance),
    })),
  });
}

/** Zeros alone: damage against what is swept. */
function zerosSvg({ name, points, dense, unit, swept, damage }: SweepReport): Promise<string> {
  const solved = points.flatMap((point) =>
    point.latency === null || point.damage === undefined
      ? []
      : [{ x: point.latency, y: point.damage, label: point.budget, bound: null }],
  );
  return frontierSvg({
    title: name,
    subtitle: "The least summed damage of zeros within each budget, labelled with it",
    xName: withUnit(swept ?? "", unit),
    yName: damage === "divergence" ? "damage (nats)" : "damage (share of the answers' variance)",
    dense: { x: dense.latency, y: 0 },
    points: solved,
  });
}

/** Where a point isn't proven, the most importance that may be had, per cent; null where it is, or where the objective is another. */
function boundOf(
  { status, bound, objective, importance }: SweepPoint,
  dense: number,
): number | null {
  if (status === "optimal" || bound === null || objective !== importance) return null;
  return (100 * bound) / dense;
}
