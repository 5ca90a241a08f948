import type { Extent, Graph, Value } from "../../graph/graph.ts";
import { type Argument, classesOf, type ModuleClass } from "./classes.ts";
import { type Lowered, lower } from "./lower/lower.ts";
import type { ModuleOptions, ModuleParameter, ModuleValue, PyTorchModule } from "./module-text.ts";
import type { Text } from "./pieces.ts";
import { className as toClassName, wrapped } from "./python-text.ts";
import { type Scope, scopeTree } from "./tree.ts";

/**
 * The network as a readable PyTorch module that gives the same outputs within 1e-5 relative.
 *
 * The file exports `build()`, which makes the network with fresh weights, and `FEATURES`. Keys of the state_dict are the
 * network's own names of its constants where those are module paths. Modules of one form share a class, whatever their
 * widths.
 * @throws InputError `pytorch/unsupported-op` where an op has no counterpart
 *
 * @example
 * const module = writeModule(graph, { className: "ResNet" });
 * writeFileSync("network.py", module.source);
 */
export function writeModule(graph: Graph, options: ModuleOptions = {}): PyTorchModule {
  const lowered = lower(graph);
  const root = scopeTree(lowered);
  const name = options.className ?? toClassName(graph.name);
  const classes = classesOf(root, name);
  const features = featuresOf(root);
  const paths = features.map(({ name: path }) => path);
  const source = fileOf(classes, paths, name, options.heading ?? []);
  return {
    source,
    className: name,
    parameters: parametersOf(lowered),
    inputs: graph.inputs.map(valueOf),
    outputs: graph.outputs.map((value) => ({
      name: value.name,
      shape: fixed(lowered.shapeOf(value.name)),
    })),
    features: paths,
    featureValues: features.map(({ value }) => value),
    lines: source.trimEnd().split("\n").length,
  };
}

function parametersOf(lowered: Lowered): readonly ModuleParameter[] {
  return [...lowered.members.values()].flatMap((member) =>
    member.tensors.map(({ part, ...tensor }) => ({
      key: [...member.path, ...(part === "" ? [] : [part])].join("."),
      ...tensor,
    })),
  );
}

function valueOf(value: Value): ModuleValue {
  return { name: value.name, shape: fixed(value.shape) };
}

function fixed(shape: readonly Extent[] | null): readonly (number | null)[] | null {
  return shape?.map((extent) => (typeof extent === "number" ? extent : null)) ?? null;
}

/** The outermost modules that are blocks: not series of others, and not wrapped around a series. */
function featuresOf(root: Scope): readonly { readonly name: string; readonly value: string }[] {
  const found: { name: string; value: string }[] = [];
  const visit = (scope: Scope): void => {
    for (const item of scope.items) {
      const { child } = item;
      if (child === null) continue;
      if (holdsBlocks(child)) visit(child);
      else if (child.outputs.length === 1) {
        found.push({ name: child.path.join("."), value: child.outputs[0] ?? "" });
      }
    }
  };
  visit(root);
  return found;
}

function holdsBlocks(scope: Scope): boolean {
  return scope.items.some((item) => {
    if (item.child === null) return false;
    const listed = scope.form === "sequential" && item.child.form === "class";
    return listed || holdsBlocks(item.child);
  });
}

const HELPERS: readonly { readonly name: string; readonly lines: readonly string[] }[] = [
  {
    name: "Permute",
    lines: [
      "class Permute(nn.Module):",
      '    """Reorders the axes of a tensor."""',
      "",
      "    def __init__(self, *dims):",
      "        super().__init__()",
      "        self.dims = dims",
      "",
      "    def forward(self, x):",
      "        return x.permute(self.dims)",
    ],
  },
  {
    name: "LayerNorm2d",
    lines: [
      "class LayerNorm2d(nn.LayerNorm):",
      '    """LayerNorm over the channels of an image (N, C, H, W)."""',
      "",
      "    def forward(self, x):",
      "        return super().forward(x.permute(0, 2, 3, 1)).permute(0, 3, 1, 2)",
    ],
  },
];

function fileOf(
  classes: readonly ModuleClass[],
  features: readonly string[],
  name: string,
  heading: readonly string[],
): string {
  const bodies = classes.map((definition) => classLines(definition));
  const code = bodies.flat().join("\n");
  const helpers = HELPERS.filter((helper) => code.includes(`${helper.name}(`));
  const imports = [
    ...(code.includes("OrderedDict(") ? ["from collections import OrderedDict", ""] : []),
    ...(/\btorch\./.test(code) ? ["import torch"] : []),
    ...(code.includes("F.") ? ["import torch.nn.functional as F"] : []),
    "from torch import nn",
  ];
  const listed = wrapped(`FEATURES = [${features.map((path) => `"${path}"`).join(", ")}]`, 0);
  const sections = [
    [...(heading.length > 0 ? [`"""${heading.join("\n")}"""`, ""] : []), ...imports],
    ["# Submodules whose outputs are the blocks' outputs.", ...listed],
    ...helpers.map((helper) => helper.lines),
    ...bodies,
    [
      "def build() -> nn.Module:",
      '    """The network with fresh weights; load_state_dict() puts trained ones in."""',
      `    return ${name}()`,
    ],
  ];
  return `${sections.map((lines) => lines.join("\n")).join("\n\n\n")}\n`;
}

function classLines(definition: ModuleClass): readonly string[] {
  const fill = filler(definition.arguments);
  const init = definition.init.map(fill);
  const forward = definition.forward.lines.map(fill);
  const signature = definition.arguments.map(({ name, fallback }) =>
    fallback === null ? name : `${name}=${fallback}`,
  );
  const inputs = definition.forward.inputs.join(", ");
  return [
    `class ${definition.name}(nn.Module):`,
    ...docstring(definition),
    ...wrapped(`def __init__(${["self", ...signature].join(", ")}):`, 4),
    "        super().__init__()",
    ...init.flatMap((line) => wrapped(line, 8)),
    "",
    `    def forward(self, ${inputs}):`,
    ...forward.flatMap((line) => wrapped(line, 8)),
  ];
}

function docstring({ scopes }: ModuleClass): readonly string[] {
  const paths = scopes.map((scope) => scope.path.join("."));
  const [first = ""] = paths;
  if (first === "") return [];
  const last = paths.at(-1) ?? "";
  const text =
    paths.length === 1
      ? first
      : paths.length < 4
        ? paths.join(", ")
        : `${first} to ${last}, ${paths.length} in all`;
  return [`    """${text}."""`, ""];
}

/** Text with its holes filled: by the argument that they belong to, otherwise by the literal that all instances share. */
function filler(args: readonly Argument[]): (text: Text) => string {
  const nameOf = new Map(
    args.flatMap(({ name, holes }) => [...holes].map((index) => [index, name] as const)),
  );
  let index = -1;
  return (text) =>
    text
      .map((piece) => {
        if (typeof piece === "string") return piece;
        if (piece.kind !== "hole") return "";
        index += 1;
        const { keyword, literal } = piece.hole;
        const value = nameOf.get(index) ?? literal;
        if (keyword === undefined) return value;
        return value === keyword.fallback ? "" : `, ${keyword.name}=${value}`;
      })
      .join("")
      .replaceAll("(, ", "(");
}
