import { statSync } from "node:fs";
import { UsageError } from "../../core/errors.ts";
import { readFileBytes, sha256 } from "../../core/files.ts";
import { finiteOrNull } from "../../documents/finite.ts";
import type { GateReport } from "../../documents/release.ts";
import { judgeGate } from "../../release/gate.ts";
import { appendLedger, readLedger } from "../../release/ledger.ts";
import { whileLocked } from "../../release/lock.ts";
import { release } from "../../release/place.ts";
import { type AllEvidence, evidenceOfFile, samplesPerRun } from "../metrics/measure-metrics.ts";
import type { OpenMetrics } from "../metrics/open-metrics.ts";
import type { OpenNetwork } from "../open/network.ts";
import type { RunContext } from "../run-context.ts";

export interface GateRequest {
  readonly network: string;
  /** File that the network is released to where it passes; its ledger also counts the tries. */
  readonly release: string | undefined;
  /** File whose ledger counts the tries, where nothing is released: the network's own without. */
  readonly ledgerOf: string | undefined;
  readonly threads: number;
  readonly now: Date;
  /** Without a requirement there is nothing to pass: refused unless this is false. */
  readonly needsRequirement?: boolean | undefined;
  /** The dense network's evidence on the confirm items, where it is known. */
  readonly dense?: AllEvidence | undefined;
}

/**
 * Judges a network on the confirm items, counts the try, and releases the network where it passes.
 * @throws UsageError `release/nothing-required`; InputError `release/damaged-ledger`, `core/locked`, and as `evidenceOfFile`
 */
export async function gateNetwork(
  open: OpenNetwork,
  metrics: OpenMetrics,
  request: GateRequest,
  context: RunContext,
): Promise<GateReport> {
  const { network, threads, now } = request;
  if (request.needsRequirement !== false) checkRequired(metrics);
  // Tries count wherever the items were tried: beside metrics.json, and beside the file that is released to.
  const ledgers = [...new Set([request.release, request.ledgerOf ?? network])].filter(
    (path) => path !== undefined,
  );
  // A ledger that can't be trusted is said before an hour of measuring.
  for (const path of ledgers) readLedger(path);
  const bytes = readFileBytes(network);
  const hash = sha256(bytes);
  const { dealt, confirmSet: set } = metrics;
  const items = { set, indices: dealt.confirm, perRun: samplesPerRun(open) };
  const options = { threads, signal: context.signal };
  context.progress.note(`measuring on ${dealt.confirm.length} items that no search saw`);
  const dense =
    request.dense ?? (await evidenceOfFile(open.path, open.path, metrics, items, options));
  const own = await evidenceOfFile(network, open.path, metrics, items, options);
  const strata = strataOf(metrics);
  // The dense network can't be passed falsely: putting it in place is no try.
  const isDense = hash === open.hash;
  const result = await whileAllLocked(ledgers, () => {
    // The same network on the same items is the same try: its answer can't differ.
    const tried = triesIn(ledgers, triesKey(metrics));
    const known = tried.indexOf(hash);
    const attempt = isDense ? 1 : known >= 0 ? known + 1 : tried.length + 1;
    const goals = metrics.gauges.map(({ goal }) => goal);
    const judged = judgeGate(goals, dense, own, {
      ...{ rate: metrics.rate, attempt, seed: metrics.file.seed, strata },
    });
    for (const path of isDense ? [] : ledgers) {
      if (triesIn([path], triesKey(metrics)).includes(hash)) continue;
      const entry = {
        kind: "try",
        sha256: hash,
        items: triesKey(metrics),
        verdict: judged.verdict,
      } as const;
      appendLedger(path, entry, now);
    }
    return judged;
  });
  const report: GateReport = {
    schema: "mdp-gate/1",
    dense: { path: open.path, sha256: open.hash },
    network: { path: network, sha256: hash, bytes: statSync(network).size },
    metricsHash: metrics.hash,
    items: { count: dealt.confirm.length, hash: dealt.confirmHash },
    verdict: result.verdict,
    attempt: result.attempt,
    alpha: result.alpha,
    lines: result.lines.map((line) => ({
      ...line,
      value: finiteOrNull(line.value),
      dense: finiteOrNull(line.dense),
      limit: finiteOrNull(line.limit),
      bound: finiteOrNull(line.bound),
      farBound: finiteOrNull(line.farBound),
      margin: finiteOrNull(line.margin),
    })),
    released: null,
  };
  if (request.release === undefined || result.verdict !== "pass") return report;
  const gate = sha256(JSON.stringify(report));
  await release(network, request.release, { gate, note: "passed the gate", now });
  return { ...report, released: request.release };
}

/**
 * Refuses to let a network pass by requirements that nobody made.
 * @throws UsageError `release/nothing-required`
 */
export function checkRequired({ gauges, path }: OpenMetrics): void {
  if (gauges.some(({ goal }) => goal.require !== null)) return;
  throw new UsageError({
    code: "release/nothing-required",
    message: "No metric has a 'require', so that any network would pass.",
    where: path,
    hint: 'Say what must hold: "require": ">= dense - 1%".',
  });
}

/** Networks that were tried on some items, by hash, the first one first. */
function triesIn(ledgers: readonly string[], items: string): readonly string[] {
  const tries = ledgers
    .flatMap((path) => readLedger(path))
    .filter((entry) => entry.kind === "try")
    .filter((entry) => entry.items === items)
    .sort((a, b) => (a.at < b.at ? -1 : 1));
  return [...new Set(tries.map((entry) => entry.sha256))];
}

function whileAllLocked<Result>(
  [first, ...others]: readonly string[],
  act: () => Result,
): Promise<Result> {
  if (first === undefined) return Promise.resolve(act());
  return whileLocked(first, () => whileAllLocked(others, act));
}

/** Tries are counted per set of items: fresh items start again. */
function triesKey({ dealt }: OpenMetrics): string {
  return dealt.confirmHash;
}

/** Class of every confirm item, where the data has classes. */
function strataOf({ confirmSet, dealt }: OpenMetrics): readonly number[] | undefined {
  const labels = confirmSet?.labels;
  if (labels === undefined) return undefined;
  const strata = dealt.confirm.map((index) => labels[index] ?? -1);
  return strata.some((label) => label >= 0) ? strata : undefined;
}
