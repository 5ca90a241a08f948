/** How tables and amounts look in reports. */
import Table from "cli-table3";

type Align = "left" | "right";

const NAME_WIDTH = 52;

/** A long name without its middle: its beginning and end tell most. */
export function shortened(name: string): string {
  if (name.length <= NAME_WIDTH) return name;
  return `${name.slice(0, 16)}…${name.slice(17 - NAME_WIDTH)}`;
}

/** A table without rules, as wide as its content. */
export function plainTable(head: readonly string[], aligns: readonly Align[]): Table.Table {
  return new Table({
    head: [...head],
    colAligns: [...aligns],
    style: { head: [], border: [], "padding-left": 0, "padding-right": 2 },
    chars: Object.fromEntries(
      [
        ...[
          "top",
          "top-mid",
          "top-left",
          "top-right",
          "bottom",
          "bottom-mid",
          "bottom-left",
          "bottom-right",
        ],
        ...["left", "left-mid", "mid", "mid-mid", "right", "right-mid", "middle"],
      ].map((place) => [place, ""]),
    ),
  });
}
