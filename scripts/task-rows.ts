/** What `npm run bench -- tasks` works on, the rows that it leaves, and its table. */

export interface Subject {
  readonly name: string;
  readonly set: "scenes" | "digits" | "plates" | "pendulum";
  readonly config: string;
  /** Samples per timed run: so many that the runtime's fixed time is small beside the rest. */
  readonly batch: number;
  readonly step: number;
  /** The metric of the table, and how many points one unit of it is. */
  readonly metric: string;
  readonly shown: (value: number) => string;
}

const percent = (value: number): string => `${(100 * value).toFixed(1)} %`;
export const SUBJECTS: readonly Subject[] = [
  {
    ...{ name: "segmenter", set: "scenes", config: "segmentation.json", batch: 4, step: 8 },
    ...{ metric: "mIoU", shown: percent },
  },
  {
    ...{ name: "detector", set: "scenes", config: "dataset.json", batch: 4, step: 8 },
    ...{ metric: "mAP@[.5:.95]", shown: percent },
  },
  {
    ...{ name: "autoencoder", set: "digits", config: "dataset.json", batch: 16, step: 4 },
    ...{ metric: "PSNR", shown: (value) => `${value.toFixed(2)} dB` },
  },
  {
    ...{ name: "inspector", set: "plates", config: "dataset.json", batch: 16, step: 4 },
    ...{ metric: "top-1", shown: percent },
  },
  {
    ...{ name: "agent", set: "pendulum", config: "dataset.json", batch: 256, step: 4 },
    ...{ metric: "return", shown: (value) => value.toFixed(0) },
  },
];

const STAGES = ["cut", "repaired", "tuned"] as const;
type Stage = "dense" | (typeof STAGES)[number];

export interface Judged {
  readonly value: number;
  /** Difference to dense on the same samples. */
  readonly difference: readonly [value: number, low: number, high: number] | null;
}

export interface Row {
  readonly network: string;
  readonly share: string;
  readonly method: string;
  /** Null where the method has no answer; `message` says why. */
  readonly judged: Readonly<Record<Stage, Judged>> | null;
  readonly message?: string;
  /** By the table, and as measured in turns with the dense network, as shares of it. */
  readonly predicted?: number;
  readonly measured?: readonly [share: number, spread: number];
  readonly parameters?: number;
  readonly seconds?: number;
}

export interface Measured {
  readonly network: string;
  readonly denseMs: number;
  /** What no choice changes, as a share. */
  readonly fixed: number;
  /** (90 % - 10 % quantile) / median of the dense network while the table was measured. */
  readonly spread: number | null;
  readonly error: { readonly mean: number; readonly worst: number } | null;
  readonly runs: number | null;
}

const lossOf = ({ judged }: Row): number =>
  judged === null ? Number.NaN : judged.dense.value - judged.tuned.value;

/** A loss of less than a hundredth of the dense value, or within its interval, is none to take shares of. */
function loses({ judged }: Row): boolean {
  const [, low = 0, high = 0] = judged?.tuned.difference ?? [];
  const dense = Math.abs(judged?.dense.value ?? Number.NaN);
  return (low > 0 || high < 0) && Math.abs(high + low) / 2 > dense / 100;
}

const line = (...cells: readonly string[]): string => `| ${cells.join(" | ")} |`;

const HEADS = [
  ...["network, metric", "latency at most", "method", "by the table", "in turns", "parameters"],
  ...["dense", ...STAGES, "lost after tuning, of uniform's"],
];

/** The table in Markdown, in the order of the networks, then of shares and methods. */
export function tableOf(
  all: readonly Row[],
  shares: readonly string[],
  methods: readonly string[],
): readonly string[] {
  const rows = SUBJECTS.flatMap((subject) =>
    shares.flatMap((share) => {
      const of = (method: string): Row | undefined =>
        all.find(
          (row) => row.network === subject.name && row.share === share && row.method === method,
        );
      return methods.flatMap((method) => {
        const row = of(method);
        return row === undefined ? [] : [rowText(subject, row, of("uniform"))];
      });
    }),
  );
  return [line(...HEADS), line(...HEADS.map(() => "---")), ...rows];
}

function rowText({ name, metric, shown }: Subject, row: Row, uniform: Row | undefined): string {
  const { share, method, judged, measured: [ratio, spread] = [Number.NaN, Number.NaN] } = row;
  const begin = [`\`:${name}\`, ${metric}`, `${share} %`, method];
  if (judged === null) return line(...begin, ...Array(7).fill("-"), row.message ?? "");
  const change = judged.tuned.difference;
  const interval = change === null ? "" : ` (${change.slice(1).map(shown).join(" to ")})`;
  return line(
    ...begin,
    percent(row.predicted ?? Number.NaN),
    `${percent(ratio)} ± ${(100 * spread).toFixed(1)}`,
    percent(row.parameters ?? Number.NaN),
    ...(["dense", "cut", "repaired"] as const).map((stage) => shown(judged[stage].value)),
    `${shown(judged.tuned.value)}${interval}`,
    shareText(row, uniform),
  );
}

function shareText(row: Row, uniform: Row | undefined): string {
  if (row.method === "uniform" || uniform === undefined) return "";
  return loses(uniform) ? (lossOf(row) / lossOf(uniform)).toFixed(2) : "uniform loses nothing";
}

/** What is known of the latency tables, a sentence each. */
export function tableNotes(tables: readonly Measured[]): readonly string[] {
  return tables.map(({ network, denseMs, fixed, spread, error, runs }) => {
    const varied = spread === null ? "unknown" : percent(spread);
    const apart =
      error === null
        ? "unknown"
        : `${percent(error.mean)} on average, ${percent(error.worst)} at worst`;
    return `${network}: dense ${denseMs.toFixed(3)} ms, ${percent(fixed)} of it no choice changes; spread ${varied}; ${runs} networks measured; error on others ${apart}`;
  });
}
