import type {
  DimDifference,
  DropDifference,
  Fact,
  FactDifference,
  SubnetDifference,
} from "../subnet/compare-subnets.ts";
import type { Painter } from "./painter.ts";
import { count, plainTable, shortened, tidy } from "./solve-report.ts";

/** What two subnets have different, for people. `names` are those of their files. */
export function diffText(
  difference: SubnetDifference,
  names: readonly [string, string],
  paint: Painter,
): string {
  const { network, same, dims, dimCount } = difference;
  const verdict = same
    ? paint.good("The two subnets are the same: the same units, blocks and layers.")
    : `${dims.length} of ${dimCount} dims differ.`;
  const parts = [
    `Network     ${network}\nA           ${names[0]}\nB           ${names[1]}`,
    factsText(difference.amounts, ["", "A", "B", "B - A"]),
    verdict,
    dimsText(dims),
    [dropText("Blocks", difference.blocks), dropText("Layers", difference.layers)]
      .filter((part) => part !== "")
      .join("\n"),
    provenanceText(difference.provenance),
  ];
  return parts
    .filter((part) => part !== "")
    .map(tidy)
    .join("\n\n");
}

function factsText(facts: readonly FactDifference[], head: readonly string[]): string {
  if (facts.length === 0) return "";
  const table = plainTable(head, ["left", "right", "right", "right"]);
  for (const { name, values } of facts) {
    const show = SHOWN[name] ?? numberText;
    const text = (value: Fact): string =>
      typeof value === "number" ? show(value) : factText(value);
    table.push([name, ...values.map(text), changeText(values, show)]);
  }
  return table.toString();
}

/** The amounts as the other reports print them. */
const SHOWN: Readonly<Record<string, (value: number) => string>> = {
  "latency (ms)": (value) => Number(value.toPrecision(4)).toString(),
  "budget (ms)": (value) => Number(value.toPrecision(4)).toString(),
  importance: (value) => value.toPrecision(5),
  parameters: count,
  MACs: count,
  gap: (value) => `${(100 * value).toPrecision(2)} %`,
};

function factText(value: Fact): string {
  if (value === null) return "not said";
  return typeof value === "number" ? numberText(value) : String(value);
}

function numberText(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

function changeText(
  [first, second]: readonly [Fact, Fact],
  show: (value: number) => string,
): string {
  if (typeof first !== "number" || typeof second !== "number" || first === second) return "";
  const change = second - first;
  const share =
    first === 0 ? "" : ` (${signed(Number(((100 * change) / first).toPrecision(3)))} %)`;
  return `${change > 0 ? "+" : "-"}${show(Math.abs(change))}${share}`;
}

function signed(value: number): string {
  return value > 0 ? `+${value}` : String(value);
}

function dimsText(dims: readonly DimDifference[]): string {
  if (dims.length === 0) return "";
  const table = plainTable(
    ["dim", "A", "B", "of", ""],
    ["left", "right", "right", "right", "left"],
  );
  for (const { dim, units, kept, onlyFirst, onlySecond } of dims) {
    const [first, second] = kept;
    table.push([
      shortened(dim),
      first,
      second,
      units,
      whatText(first, second, onlyFirst, onlySecond),
    ]);
  }
  return table.toString();
}

function whatText(first: number, second: number, onlyFirst: string, onlySecond: string): string {
  if (first === 0) return "gone in A";
  if (second === 0) return "gone in B";
  if (onlyFirst === "") return `B keeps ${second - first} more`;
  if (onlySecond === "") return `A keeps ${first - second} more`;
  return `A alone: ${brief(onlyFirst)}; B alone: ${brief(onlySecond)}`;
}

const MOST_RANGES = 6;

function brief(ranges: string): string {
  const all = ranges.split(",");
  return all.length <= MOST_RANGES ? ranges : `${all.slice(0, MOST_RANGES).join(",")},…`;
}

function dropText(what: string, { onlyFirst, onlySecond, both }: DropDifference): string {
  if (onlyFirst.length + onlySecond.length === 0) {
    return both.length === 0 ? "" : `${what} dropped by both: ${both.join(", ")}`;
  }
  const list = (names: readonly string[]): string =>
    names.length === 0 ? "none" : names.join(", ");
  const lines = [
    `${what} dropped by A alone: ${list(onlyFirst)}`,
    `${what} dropped by B alone: ${list(onlySecond)}`,
  ];
  if (both.length > 0) lines.push(`${what} dropped by both:    ${list(both)}`);
  return lines.join("\n");
}

function provenanceText(facts: readonly FactDifference[]): string {
  if (facts.length === 0) return "Both were solved from the same inputs with the same options.";
  const table = plainTable(["solved with", "A", "B"], ["left", "left", "left"]);
  const brief = (value: Fact): string => {
    const text = factText(value);
    return text.length > 40 ? `${text.slice(0, 37)}…` : text;
  };
  for (const { name, values } of facts) table.push([name, ...values.map(brief)]);
  const isOtherImportance = facts.some(({ name }) => name.startsWith("importance."));
  const others = facts.filter(({ name }) => /^(device|table|otherTables)\./.test(name));
  const isOtherGrid = others.length > 0 && others.every(({ name }) => name === "table.hash");
  const isOtherTable = others.length > 0 && !isOtherGrid;
  const notes = [
    ...(isOtherImportance
      ? ["The importances are not comparable: they were scored differently."]
      : []),
    ...(isOtherTable ? ["The latencies are not comparable: they come from different tables."] : []),
    ...(isOtherGrid
      ? [
          "The latencies come from tables of one device that don't say the same: of other widths, or measured again.",
        ]
      : []),
  ];
  return [table.toString(), ...notes].join("\n");
}
