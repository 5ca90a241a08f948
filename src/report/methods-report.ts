import { figure } from "./amounts.ts";
import { plainTable } from "./solve-report.ts";

interface MethodRow {
  readonly name: string;
  readonly parameters: number;
  readonly latencyMs: number;
  readonly repaired?: MethodRow["metrics"] | null | undefined;
  readonly metrics: readonly {
    readonly name: string;
    readonly value: number | null;
    readonly limit: number | null;
    readonly behind: {
      readonly value: number | null;
      readonly low: number | null;
      readonly high: number | null;
    } | null;
  }[];
}

/** Ways to choose a subnet beside each other, by the user's metrics. */
export function methodsText(methods: readonly MethodRow[]): string {
  const metrics = methods[0]?.metrics ?? [];
  const repaired = methods.flatMap((method) => {
    const own = method.repaired ?? null;
    return own === null ? [] : [{ ...method, metrics: own }];
  });
  const limits = metrics
    .filter(({ limit }) => limit !== null)
    .map(({ name, limit }) => `${name} ${figure(limit)}`);
  return [
    "Without repair, on items that no search saw:",
    "",
    tableOf(methods, metrics),
    ...(repaired.length === 0
      ? []
      : [
          "",
          "After the same repair without labels, on the same items:",
          "",
          tableOf(repaired, metrics),
        ]),
    ...(limits.length === 0 ? [] : ["", `Limits      ${limits.join(", ")}`]),
    "",
    "The interval is the paired 95 % one.",
  ].join("\n");
}

function tableOf(methods: readonly MethodRow[], metrics: MethodRow["metrics"]): string {
  const table = plainTable(
    [
      "method",
      "parameters",
      "ms",
      ...metrics.flatMap(({ name }) => [name, "coefficients are better by"]),
    ],
    ["left", "right", "right", ...metrics.flatMap((): ["right", "right"] => ["right", "right"])],
  );
  for (const { name, parameters, latencyMs, metrics: own } of methods) {
    table.push([
      name,
      parameters,
      figure(latencyMs),
      ...own.flatMap(({ value, behind }) => [
        figure(value),
        behind === null
          ? ""
          : `${figure(behind.value)} (${figure(behind.low)} to ${figure(behind.high)})`,
      ]),
    ]);
  }
  return table.toString();
}
