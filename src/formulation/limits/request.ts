import { UsageError } from "../../core/errors.ts";
import { commonKind } from "./arithmetic.ts";
import type { LinearForm } from "./form.ts";
import { type ParsedLimit, parseForm, parseLimit } from "./parse.ts";
import { type Penalty, parsePenalty } from "./penalty.ts";
import { limitError, type Source } from "./source.ts";

/** What is asked for besides the budget, as it was written. */
export interface LimitRequest {
  readonly limit: readonly string[];
  readonly soft: readonly string[];
  /** One for all soft limits, or one for each. */
  readonly penalty: readonly string[];
  /** What is to be as small as it can be; null for the most importance. */
  readonly minimize: string | null;
}

export const NOTHING_ASKED: LimitRequest = { limit: [], soft: [], penalty: [], minimize: null };

/** A limit that may be exceeded at a price. */
export interface SoftLimit {
  readonly limit: ParsedLimit;
  readonly penalty: Penalty;
}

/** A request, understood. */
export interface ParsedRequest {
  readonly hard: readonly ParsedLimit[];
  readonly soft: readonly SoftLimit[];
  readonly minimize: { readonly source: Source; readonly form: LinearForm } | null;
}

/**
 * Understands every expression of a request; what they name is looked up later, in the network.
 * @throws UsageError as `parseLimit`; `formulation/limit-penalty`, `formulation/limit-objective`
 */
export async function parseRequest(request: LimitRequest): Promise<ParsedRequest> {
  const hard: ParsedLimit[] = [];
  for (const text of request.limit) hard.push(await parseLimit({ option: "--limit", text }));
  const soft = await softLimits(request);
  return {
    hard,
    soft,
    minimize: await objectiveOf(request, [...hard, ...soft.map((s) => s.limit)]),
  };
}

/** Whether something besides the budget says how much the network may take as a whole. */
export function namesAmount({ limit, soft, minimize }: LimitRequest): boolean {
  const amount = /\b(?:latency|energy|device_memory|params|nonzeros|macs|bytes|memory)\b/;
  return minimize !== null || [...limit, ...soft].some((text) => amount.test(text));
}

async function softLimits({ soft, penalty }: LimitRequest): Promise<SoftLimit[]> {
  if (soft.length === 0 && penalty.length === 0) return [];
  if (penalty.length !== soft.length && (penalty.length !== 1 || soft.length === 0)) {
    throw new UsageError({
      code: "formulation/limit-penalty",
      message: `Soft limits: ${soft.length}; penalties: ${penalty.length}.`,
      where: "--penalty",
      hint: 'Give each --soft its --penalty, in the same order, or one for all: --soft "params <= 1M" --penalty "2% per 0.1M".',
    });
  }
  const limits: SoftLimit[] = [];
  for (const [index, text] of soft.entries()) {
    const limit = await parseLimit({ option: "--soft", text });
    if (limit.alignment !== null) {
      throw limitError(
        limit.source,
        limit.alignment.at,
        "penalty",
        "Widths can't be aligned softly.",
        "Ask for them with --limit.",
      );
    }
    const price = { option: "--penalty", text: penalty[index] ?? penalty[0] ?? "" };
    const parsed = await parsePenalty(price);
    for (const { left, right } of limit.relations) {
      const kind = commonKind(limit.source, left, right, 0);
      commonKind(
        price,
        { ...parsed.per, kind: parsed.per.kind ?? null },
        { ...left, kind },
        parsed.per.at,
      );
    }
    limits.push({ limit, penalty: parsed });
  }
  return limits;
}

async function objectiveOf(
  { minimize }: LimitRequest,
  limits: readonly ParsedLimit[],
): Promise<ParsedRequest["minimize"]> {
  if (minimize === null) return null;
  const source = { option: "--minimize", text: minimize };
  const form = await parseForm(source);
  const [first] = form.parts;
  const isPlain = form.share === 0 && form.constant === 0;
  const isFine = form.parts.every(({ ref, factor }) => factor > 0 && ref.name !== "importance");
  if (first === undefined || !isPlain || !isFine) {
    throw limitError(
      source,
      form.at,
      "objective",
      "This can't be made as small as possible.",
      "Name a quantity, or a sum of them: --minimize latency, energy, params, macs, bytes, memory or \"latency('jetson-nano')\".",
    );
  }
  const holds = limits.some(({ relations }) => relations.some(isFloor));
  if (holds) return { source, form };
  throw new UsageError({
    code: "formulation/limit-objective",
    message: `Nothing keeps the network from being pruned away while ${minimize} is minimised.`,
    where: "--minimize",
    hint: 'Say what has to stay: --limit "importance >= 95%".',
  });
}

/** Whether the relation asks for at least something. */
function isFloor({ left, comparison, right }: ParsedLimit["relations"][number]): boolean {
  if (comparison === "==") return true;
  const larger = comparison === ">=" ? left : right;
  const smaller = comparison === ">=" ? right : left;
  return (
    larger.parts.some(({ factor }) => factor > 0) || smaller.parts.some(({ factor }) => factor < 0)
  );
}
