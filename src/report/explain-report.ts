import type { ConflictReport, ExplainReport } from "../documents/explain.ts";
import type {
  DimReason,
  LimitReason,
  Loss,
  PartReason,
  StepReason,
} from "../formulation/explain/explanation.ts";
import { nearestText, openText } from "../formulation/solve/answer.ts";
import { amount, limitsText, type Share, sharesOf } from "./explain-limits.ts";
import type { Painter } from "./painter.ts";
import { headLines, plainTable, shortened, tidy } from "./solve-report.ts";
import { withUnit } from "./sweep-report.ts";

/** A choice that could be made the other way. */
interface Call {
  readonly what: string;
  readonly loss: Loss;
}

const CLOSEST = 5;

/** The explanation as people read it. Losses are per cent of the whole network's importance, or of what is minimised. */
export function explainText(report: ExplainReport, paint: Painter): string {
  const { explanation, head, name, subnet } = report;
  const isDamage = report.goal.startsWith("damage");
  const what = isDamage ? "Network     " : "Instance    ";
  const title = head === null ? [`${what}${name}`] : headLines(head, paint);
  if (subnet !== null) title.push(`Subnet      ${subnet}`);
  const show = sharesOf(report.dense.objective);
  const shares = isDamage
    ? `Losses are damage, in hundredths of ${report.goal === "damage" ? "the answers' variance" : "a nat"}; dims are nonzeros of a weight.`
    : `Losses are shares of the whole network's ${report.goal}.`;
  const parts = [
    title.join("\n"),
    `${qualityText(report, show, paint)} ${shares}`,
    limitsText(explanation.limits, show),
    closestText(report, show),
    partsText("block", explanation.blocks, show),
    partsText("layer", explanation.layers, show),
    dimsText(report, show),
    unchangedText(report),
    [...report.notes, ...explanation.notes].map((note) => `Note        ${note}`).join("\n"),
  ];
  return joined(parts);
}

/** Why no subnet meets the limits, as people read it. */
export function conflictText({ name, head, conflict }: ConflictReport, paint: Painter): string {
  const title = head === null ? [`Instance    ${name}`] : headLines(head, paint);
  const { nearest, open, limits, minimal } = conflict;
  const [only] = limits;
  const set =
    limits.length === 1
      ? `The limit of ${only} can't be met by itself, whatever else is allowed.`
      : `${limits.join(", ")} contradict each other${minimal ? "; without any one of them the rest can be met" : ""}.`;
  const moves = nearest.map((each) => `- ${nearestText(each)}`);
  return joined([
    title.join("\n"),
    `${paint.warn("No subnet meets the limits.")} ${set}`,
    moves.length === 0
      ? "No move of a single limit that would be enough is known."
      : `${moves.length === 1 ? "What would be enough:" : "Moving one of these would be enough:"}\n${moves.join("\n")}`,
    open.length === 0 ? "" : `Note       ${openText(open)}`,
    minimal
      ? ""
      : "Note        The time was over before each of these limits was shown to be needed.",
  ]);
}

function joined(parts: readonly string[]): string {
  return parts
    .filter((part) => part !== "")
    .map(tidy)
    .join("\n\n");
}

function qualityText({ explanation, goal }: ExplainReport, show: Share, paint: Painter): string {
  const { objective, optimum } = explanation;
  const better = (value: number): string =>
    goal === "importance"
      ? `keeps ${show(value)} more importance`
      : `has ${show(value)} less ${goal}`;
  const behind = optimum.objective - objective;
  const proof = optimum.proven ? "proven" : "not proven";
  if (Math.abs(behind) <= 1e-9 * Math.abs(optimum.objective)) {
    return optimum.proven
      ? paint.good("This is the best subnet within the limits, proven.")
      : paint.warn(
          `This is the best subnet found within the limits (not proven: ${show(optimum.bound - objective)} more is not ruled out).`,
        );
  }
  return behind > 0
    ? paint.warn(
        `Another subnet within the same limits ${better(behind)} (${proof}). Losses below 0 are what a choice made otherwise would win.`,
      )
    : paint.warn(
        `The subnet exceeds the limits, and ${better(behind)} than the best within them (${proof}).`,
      );
}

/** The choices that came closest to being made otherwise. */
function closestText(report: ExplainReport, show: Share): string {
  const { blocks, layers, dims } = report.explanation;
  const part = ({ name, kept, loss }: PartReason): Call => ({
    what: `${kept ? "drop" : "keep"} ${shortened(name)}`,
    loss,
  });
  const steps = dims.flatMap((dim, at): Call[] => {
    const channels = report.dims[at]?.unitChannels ?? 1;
    return [dim.narrower, dim.wider].flatMap((step): Call[] =>
      step === null
        ? []
        : [
            {
              what: `${shortened(dim.name)} at ${step.count * channels} instead of ${dim.kept * channels}`,
              loss: step.loss,
            },
          ],
    );
  });
  const calls = [...blocks.map(part), ...layers.map(part), ...steps]
    .flatMap(({ what, loss }) => (loss.kind === "exact" ? [{ what, loss: loss.loss }] : []))
    .sort((one, other) => one.loss - other.loss)
    .slice(0, CLOSEST);
  if (calls.length === 0) return "";
  const lines = calls.map(
    ({ what, loss }) =>
      `- ${what}: ${loss === 0 ? "loses nothing, the answer is one of several" : `${loss < 0 ? "wins" : "loses"} ${show(loss)}`}`,
  );
  return `The closest calls, everything else chosen again:\n${lines.join("\n")}`;
}

function partsText(what: string, parts: readonly PartReason[], show: Share): string {
  if (parts.length === 0) return "";
  const table = plainTable([what, "", "the other way loses"], ["left", "left", "right"]);
  const known = ({ loss }: PartReason): number =>
    loss.kind === "exact" ? loss.loss : Number.POSITIVE_INFINITY;
  for (const part of [...parts].sort((one, other) => known(one) - known(other))) {
    table.push([shortened(part.name), part.kept ? "kept" : "dropped", cellText(part.loss, show)]);
  }
  return table.toString();
}

function dimsText({ explanation, dims }: ExplainReport, show: Share): string {
  // Of the first limit, usually the latency.
  const [first] = explanation.limits;
  const [resource = -1] = first?.members ?? [];
  const savings = first === undefined ? [] : [withUnit("saves", first.unit)];
  const table = plainTable(
    ["dim", "kept", "narrower", ...savings, "loses", "wider", "loses", ""],
    [
      "left",
      "right",
      "right",
      ...savings.map(() => "right" as const),
      "right",
      "right",
      "right",
      "left",
    ],
  );
  let rows = 0;
  explanation.dims.forEach((dim, at) => {
    if (dim.why === "only-choice" || dim.why === "gone") return;
    const channels = dims[at]?.unitChannels ?? 1;
    const step = (reason: StepReason | null): [string, string] =>
      reason === null ? ["", ""] : [String(reason.count * channels), cellText(reason.loss, show)];
    table.push([
      shortened(dim.name),
      `${dim.kept * channels}/${dim.units * channels}`,
      ...step(dim.narrower).toSpliced(
        1,
        0,
        ...savings.map(() => savingText(dim.narrower, resource)),
      ),
      ...step(dim.wider),
      whyText(dim, explanation.limits),
    ]);
    rows += 1;
  });
  return rows === 0 ? "" : table.toString();
}

/** What a step saves by itself, everything else as it is. */
function savingText(step: StepReason | null, resource: number): string {
  const change = step?.alone?.usage[resource];
  return change === undefined ? "" : amount(0 - change);
}

function cellText(loss: Loss, show: Share): string {
  switch (loss.kind) {
    case "exact":
      return `${loss.loss < 0 ? "-" : ""}${show(loss.loss)}`;
    case "between":
      if (loss.least === null) return loss.most === null ? "unknown" : `< ${show(loss.most)}`;
      return loss.most === null
        ? `> ${show(loss.least)}`
        : `${show(loss.least)} to ${show(loss.most)}`;
    case "impossible":
      return "impossible";
    default:
      return loss satisfies never;
  }
}

function whyText({ why, narrower }: DimReason, limits: readonly LimitReason[]): string {
  switch (why) {
    case "worth-more":
      return "worth its cost";
    case "no-saving":
      return "narrower saves nothing";
    case "floor":
      return "at its least width";
    case "narrowed": {
      const saves = narrower?.alone?.usage.some((change) => change < 0) ?? true;
      return saves || limits.length === 0 ? "" : "a step saves nothing";
    }
    default:
      return "";
  }
}

/** The dims that had no choice, by their reasons, and those that went with their blocks. */
function unchangedText({ explanation, dims }: ExplainReport): string {
  const reasons = new Map<string, string[]>();
  explanation.dims.forEach(({ name, why }, at) => {
    if (why !== "only-choice" && why !== "gone") return;
    const reason =
      why === "gone" ? "gone with their blocks" : (dims[at]?.whole ?? "one width only");
    reasons.set(reason, [...(reasons.get(reason) ?? []), shortened(name)]);
  });
  const lines = [...reasons].map(([reason, names]) => `- ${names.join(", ")}: ${reason}`);
  return lines.length === 0 ? "" : `No choice of their own:\n${lines.join("\n")}`;
}
