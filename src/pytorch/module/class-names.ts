/** What to call a class: by what its modules do where that has a usual name, otherwise by their own. */
import type { Text } from "./pieces.ts";
import { className } from "./python-text.ts";
import type { Scope } from "./scope.ts";

/** A name that isn't taken, for modules of one form. */
export function classNameFor(scopes: readonly Scope[], taken: ReadonlySet<string>): string {
  const [scope] = scopes;
  if (scope === undefined) return "Block";
  const alone = scopes.length === 1;
  const base = (isSeriesOf(scope) ? null : usualName(scope)) ?? nameFromPath(scope.path, alone);
  const names = [...scope.children.keys(), ...scope.members.keys()];
  const projected =
    names.some((name) => /^(downsample|shortcut|proj)$/.test(name)) && isResidual(scope);
  const candidates = projected ? [base, `${base}Downsample`] : [base];
  for (const name of candidates) if (!taken.has(name)) return name;
  for (let count = 2; ; count += 1) {
    const name = `${candidates.at(-1)}${count}`;
    if (!taken.has(name)) return name;
  }
}

/** It holds several blocks: what they do is not what it is. */
function isSeriesOf(scope: Scope): boolean {
  const blocks = (inside: Scope): number =>
    inside.items.reduce((sum, { child }) => {
      if (child === null) return sum;
      if (child.form === "sequential") return sum + blocks(child);
      return sum + (child.items.length > 2 ? 1 : 0);
    }, 0);
  return blocks(scope) > 1 && !isResidual(scope);
}

function usualName(scope: Scope): string | null {
  const all = statementTexts(scope);
  const own = scope.items.map((item) => flat(item.text));
  const makers = constructors(scope);
  const convs = makers.filter((text) => text.startsWith("nn.Conv")).length;
  const depthwise = makers.some((text) => /groups/.test(text) && isDepthwise(text));
  if (all.some((text) => text.includes("softmax")))
    return isResidual(scope) ? "TransformerBlock" : "Attention";
  if (isResidual(scope) && convs > 0) {
    if (depthwise && convs > 1) return "InvertedResidual";
    if (depthwise) return "ConvBlock";
    return convs > 2 ? "Bottleneck" : "BasicBlock";
  }
  if (
    own.some((text) => text.includes("adaptive_avg_pool")) &&
    own.some((text) => text.includes(" * "))
  ) {
    return "SqueezeExcite";
  }
  if (own.some((text) => text.startsWith("torch.cat")) && convs > 2) return null;
  if (depthwise && convs > 1) return "InvertedResidual";
  if (convs === 1 && scope.children.size === 0 && scope.members.size === 2) {
    return scope.items.length > 2 ? "ConvNormAct" : "ConvNorm";
  }
  return null;
}

/** A sum that one of the module's inputs goes into, or what the shortcut made of it. */
function isResidual(scope: Scope): boolean {
  return scope.items.some(
    (item) =>
      item.statement !== null && item.inputs.length === 2 && flat(item.text).includes(" + "),
  );
}

function isDepthwise(text: string): boolean {
  const groups = Number(/groups=(\d+)/.exec(text)?.[1] ?? 1);
  const width = Number(/\((\d+)/.exec(text)?.[1] ?? 0);
  return groups > 1 && groups === width;
}

function statementTexts(scope: Scope): readonly string[] {
  return scope.items.flatMap((item) =>
    item.child === null ? [flat(item.text)] : statementTexts(item.child),
  );
}

function constructors(scope: Scope): readonly string[] {
  const own = [...scope.members.values()].map((member) => flat(member.constructor));
  return [...own, ...[...scope.children.values()].flatMap(constructors)];
}

function flat(text: Text): string {
  return text
    .map((piece) => {
      if (typeof piece === "string") return piece;
      if (piece.kind !== "hole") return "";
      const { keyword, literal } = piece.hole;
      return keyword === undefined ? literal : `, ${keyword.name}=${literal}`;
    })
    .join("");
}

/** "inception3a" is an Inception; "layer1.0" is a block. */
function nameFromPath(path: readonly string[], alone: boolean): string {
  const [last = ""] = [...path].reverse().filter((segment) => !/^\d+$/.test(segment));
  const numbered = /^\d+$/.test(path.at(-1) ?? "");
  const stem = alone && !numbered ? last : last.replace(/[_-]?\d+[a-z]?$/, "");
  if (stem.length < 2) return "Branch";
  const singular = numbered ? `${stem.replace(/s$/, "")}_block` : stem;
  return className(singular.replace(/^(feature|layer)_block$/, "block"));
}
