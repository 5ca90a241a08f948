import type { Extent, Graph, Value } from "../../graph/graph.ts";
import type { Argument } from "./class-arguments.ts";
import { classesOf, holesOf, type ModuleClass, RESERVED } from "./classes.ts";
import { featuresOf } from "./features.ts";
import { type Lowered, lower } from "./lower/lower.ts";
import type { ModuleOptions, ModuleParameter, ModuleValue, PyTorchModule } from "./module-text.ts";
import type { Text } from "./pieces.ts";
import { filledList, className as toClassName, wrapped } from "./python-text.ts";
import { scopeTree } from "./tree.ts";

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
  const wish = options.className ?? networkName(graph.name);
  const name = RESERVED.includes(wish) ? `${wish}Network` : wish;
  const classes = classesOf(root, name);
  const features = featuresOf(root, classes, lowered);
  const paths = features.map(({ name: path }) => path);
  const source = fileOf(classes, paths, name, options.heading ?? []);
  return {
    source,
    className: name,
    parameters: parametersOf(lowered),
    inputs: graph.inputs.map(moduleValue),
    outputs: graph.outputs.map((value) => ({
      name: value.name,
      shape: fixed(lowered.shapeOf(value.name)),
    })),
    features: paths,
    featureValues: features.map(({ value }) => value),
    lines: source.trimEnd().split("\n").length,
  };
}

/** Names that exporters give to every graph say nothing. */
function networkName(name: string): string {
  return /^(torch[-_]jit.*|main(_graph)?|graph|network|model|)$/i.test(name)
    ? "Network"
    : toClassName(name);
}

function parametersOf(lowered: Lowered): readonly ModuleParameter[] {
  return [...lowered.members.values()].flatMap((member) =>
    member.tensors.map(({ part, ...tensor }) => ({
      key: [...member.path, ...(part === "" ? [] : [part])].join("."),
      ...tensor,
    })),
  );
}

function moduleValue(value: Value): ModuleValue {
  return { name: value.name, shape: fixed(value.shape) };
}

function fixed(shape: readonly Extent[] | null): readonly (number | null)[] | null {
  return shape?.map((extent) => (typeof extent === "number" ? extent : null)) ?? null;
}

const HELPERS: readonly { readonly name: string; readonly lines: readonly string[] }[] = [
  {
    name: "DenseBlock",
    lines: [
      "class DenseBlock(nn.ModuleDict):",
      '    """Layers that each take the outputs of all before them."""',
      "",
      "    def forward(self, x):",
      "        features = [x]",
      "        for layer in self.values():",
      "            features.append(layer(features))",
      "        return torch.cat(features, dim=1)",
    ],
  },
  {
    name: "named",
    lines: [
      "def named(blocks):",
      '    """A sequence of modules with names."""',
      "    return nn.Sequential(OrderedDict(blocks))",
    ],
  },
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
  const helpers = HELPERS.filter((helper) => new RegExp(`\\b${helper.name}\\(`).test(code));
  const all = [...helpers.flatMap((helper) => helper.lines), code].join("\n");
  const imports = [
    ...(all.includes("OrderedDict(") ? ["from collections import OrderedDict", ""] : []),
    ...(/\btorch\./.test(all) ? ["import torch"] : []),
    ...(/\bF\./.test(all) ? ["import torch.nn.functional as F"] : []),
    "from torch import nn",
  ];
  const listed = filledList("FEATURES", features);
  const sections = [
    [...(heading.length > 0 ? [`"""${docstringText(heading.join("\n"))}"""`, ""] : []), ...imports],
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

/** A network's name may hold anything that a file's name may. */
function docstringText(said: string): string {
  return said.replaceAll("\\", "\\\\").replaceAll('"', '\\"');
}

function classLines(definition: ModuleClass): readonly string[] {
  const kept = definition.arguments.filter((argument) => argument.kept).map(({ name }) => name);
  const init = definition.init.map(filler(definition.arguments, 0, ""));
  const forward = definition.forward.lines.map(
    filler(definition.arguments, holesOf(definition.init).length, "self."),
  );
  const signature = definition.arguments.map(({ name, fallback }) =>
    fallback === null ? name : `${name}=${fallback}`,
  );
  const inputs = definition.forward.inputs.join(", ");
  return [
    `class ${definition.name}(nn.Module):`,
    ...docstring(definition),
    ...wrapped(`def __init__(${["self", ...signature].join(", ")}):`, 4),
    "        super().__init__()",
    ...kept.map((name) => `        self.${name} = ${name}`),
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
function filler(args: readonly Argument[], start: number, prefix: string): (text: Text) => string {
  const nameOf = new Map(
    args.flatMap(({ name, holes }) => [...holes].map((index) => [index, name] as const)),
  );
  let index = start - 1;
  return (text) =>
    text
      .map((piece) => {
        if (typeof piece === "string") return piece;
        if (piece.kind !== "hole") return "";
        index += 1;
        const { keyword, literal } = piece.hole;
        const name = nameOf.get(index);
        const value = name === undefined ? literal : `${prefix}${name}`;
        if (keyword === undefined) return value;
        return value === keyword.fallback ? "" : `, ${keyword.name}=${value}`;
      })
      .join("")
      .replaceAll("(, ", "(");
}
