import type { AxisCount, Structure } from "../../src/structure/structure.ts";

/** All that is found in a network besides what `dimListing` says, as lines of text, for golden files. */
export function structureListing(structure: Structure): string {
  const { dims, blocks, layers, weights, contractions, components, graph } = structure;
  const count = ({ fixed, parts }: AxisCount): string =>
    [
      ...(fixed === 0 && parts.length > 0 ? [] : [String(fixed)]),
      ...parts.map(({ dim, perUnit, times = [] }) =>
        [...(perUnit === 1 ? [] : [perUnit]), ...[dim, ...times].map((at) => dims[at]?.name)].join(
          "*",
        ),
      ),
    ].join(" + ");
  const values = graph.nodes.flatMap(({ outputs }) => outputs);
  const lines = [
    "dims",
    ...dims.map(({ name, role, component, isUnread, producers }) =>
      [
        `  ${name}`,
        ...(role === null ? [] : [`role ${role}`]),
        ...(component === null ? [] : [`component ${component}`]),
        ...(isUnread ? ["unread"] : []),
        `from ${producers.join(" ")}`,
      ].join(", "),
    ),
    "layers",
    ...layers.map((layer) =>
      [
        `  ${layer.name} ${layer.opType}`,
        `${layer.weight.name} ${layer.weight.inputAxis} to ${layer.weight.outputAxis}`,
        `${count(layer.input)} to ${count(layer.output)}`,
        `groups ${layer.groups}, parameters ${layer.parameters}`,
        `MACs ${layer.macs} by ${layer.macsPerPair}`,
        `places ${layer.places.map(count).join(" x ")}`,
        `blocks ${layer.blocks.join(" ")}, norm ${layer.normalisation}, drop ${JSON.stringify(layer.drop)}`,
      ].join("; "),
    ),
    "blocks",
    ...blocks.map(({ name, add, branchInput, nodes, layers: own }) =>
      [`  ${name}`, `Add ${add} at ${branchInput}`, own.join(" "), nodes.join(" ")].join("; "),
    ),
    "components",
    ...components.map(({ name, layers: own, origin }) => `  ${name} (${origin}): ${own.join(" ")}`),
    "weights",
    ...weights.map(({ name, factor, axes, consumers }) =>
      [`  ${name}: ${factor}`, ...axes.map(count), `read by ${consumers.join(" ")}`].join(" x "),
    ),
    "contractions",
    ...contractions.map(
      ({ id, factor, axes }) => `  ${id}: ${[factor, ...axes.map(count)].join(" x ")}`,
    ),
    "axes",
    ...values.map((value) => {
      const rank = structure.shapes.of(value)?.length ?? 0;
      const axes = Array.from({ length: rank }, (_, axis) => count(structure.count(value, axis)));
      return `  ${value}: ${axes.join(", ")}`;
    }),
    "notes",
    ...structure.notes.map((note) => `  ${note}`),
    ...structure.unknown.map(({ text }) => `  ${text}`),
  ];
  return `${lines.join("\n")}\n`;
}
