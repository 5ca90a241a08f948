import { percent } from "../amounts.ts";
import { compareSvg } from "../figures/compare-chart.ts";
import { type FrontierSeries, frontierSvg } from "../figures/frontier-chart.ts";
import { groupsFigure } from "../figures/groups-chart.ts";
import { calibrateSvg, validationSvg } from "../figures/scatter-chart.ts";
import { knowledgeSvg } from "../figures/spectra-chart.ts";
import { stagesSvg } from "../figures/stages-chart.ts";
import { sweepSvg } from "../figures/sweep-chart.ts";
import { inPage } from "../figures/theme.ts";
import { type Markup, svgMarkup } from "./markup.ts";
import type { Figures } from "./page.ts";
import { stagesChart } from "./stages-section.ts";
import type { Subject } from "./subject.ts";

/** Draws what the sections of a subject show. */
export async function figuresOf(subject: Subject): Promise<Figures> {
  const { sweep, compare, profile, calibrate, groups, knowledge } = subject;
  const stages = stagesChart(subject);
  return {
    stages: figure(
      stages === null ? null : await stagesSvg(stages),
      stages === null
        ? ""
        : `${stages.metric} per stage: ${stages.points.map(({ stage, value, low, high }) => `${stage} ${short(value)} (${short(low)} to ${short(high)})`).join(", ")}`,
    ),
    frontier: figure(
      sweep === null || sweep.points.every(({ latency }) => latency === null)
        ? null
        : await sweepSvg(sweep),
      "Importance kept against latency; the table below has the points",
    ),
    methods: figure(
      compare === null ? null : await compareSvg(compare),
      "Importance kept per method; the table below has the figures",
    ),
    validation: figure(
      profile === null ? null : await validationSvg(profile),
      "Predicted against measured latency; the table below has the networks",
    ),
    calibration: figure(
      calibrate === null ? null : await calibrateSvg(calibrate),
      "Predicted against measured latency of the tries; the table below has them",
    ),
    groups: figure(
      groups === null ? null : await groupsFigure(groups),
      "The first metric against the share of each group that stays",
    ),
    knowledge: figure(
      knowledge === null ? null : await knowledgeSvg(knowledge),
      "Singular values before and after; the table below has their means",
    ),
  };
}

/** Frontiers of the same unit, one series each; null for fewer than two. */
export async function overviewFigure(subjects: readonly Subject[]): Promise<Markup | null> {
  const sweeps = subjects.flatMap(({ sweep, title }) => (sweep === null ? [] : [{ sweep, title }]));
  const units = new Set(sweeps.map(({ sweep }) => sweep.unit));
  if (sweeps.length < 2 || units.size > 1) return null;
  const series = sweeps.map(
    ({ sweep, title }): FrontierSeries => ({
      name: `${title}${sweep.head?.table.origin === "predicted" ? " (predicted)" : ""}`,
      points: sweep.points.flatMap(({ latency, importance }) =>
        latency === null || importance === null
          ? []
          : [
              {
                x: (100 * latency) / sweep.dense.latency,
                y: (100 * importance) / sweep.dense.importance,
              },
            ],
      ),
    }),
  );
  const svg = await frontierSvg({
    title: "Frontiers",
    subtitle: "the best subnet within each budget, each in shares of its own dense network",
    xName: "latency (% of dense)",
    yName: "importance kept (%)",
    points: [],
    dense: null,
    series,
  });
  return figure(
    svg,
    `Frontiers: ${series.map(({ name, points }) => `${name}, ${points.length} points from ${percent((points.at(-1)?.x ?? 0) / 100)}`).join("; ")}`,
  );
}

function figure(svg: string | null, label: string): Markup | null {
  return svg === null ? null : svgMarkup(inPage(svg, label));
}

function short(value: number): string {
  return String(Number(value.toPrecision(4)));
}
