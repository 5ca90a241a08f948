import { create } from "@bufbuild/protobuf";
import { damaged } from "./errors.ts";
import { standardDomain } from "./read-graph.ts";
import {
  type AttributeProto,
  AttributeSchema,
  type FunctionProto,
  type GraphProto,
  GraphSchema,
  type ModelProto,
  ModelSchema,
  type NodeProto,
  NodeSchema,
  SparseTensorSchema,
  TensorSchema,
  ValueInfoSchema,
} from "./schema.ts";
import { changed } from "./to-proto.ts";

/** A body that calls itself doubles at each level: what is larger than this is no network. */
const MOST_NODES = 2_000_000;

/** What goes in place of the names of a body: values, and the attributes that the call gives. */
interface Scope {
  readonly values: Map<string, string>;
  readonly attributes: ReadonlyMap<string, AttributeProto>;
  /** Put before names that are the body's own. */
  readonly prefix: string;
}

interface Inlining {
  readonly functions: ReadonlyMap<string, FunctionProto>;
  /** Every name of a value in the file, so that no new one meets it. */
  readonly names: Set<string>;
  /** Names of calls and of nodes: onnxruntime wants each node's name once. */
  readonly calls: Set<string>;
  readonly labels: Set<string>;
  readonly file: string;
  nodes: number;
  /** Whether calls are left, since their bodies are written for another version of an operator set. */
  hasCalls: boolean;
}

/**
 * The model with the bodies of its own functions in place of the calls, at any depth, in subgraphs too (onnx.proto, FunctionProto): attributes by
 * reference take the values of the call, or the defaults; values of a body get names of their own. A body that needs
 * another version of an operator set than the model imports stays a call, whose op is opaque.
 * Requires a decoded model; ensures the same outputs. A model without functions comes back as it is.
 * @throws InputError `onnx/function-recursion`, `onnx/functions-too-large`, `onnx/duplicate-function`
 */
export function inlineFunctions(proto: ModelProto, file: string): ModelProto {
  if (proto.graph === undefined || proto.functions.length === 0) return proto;
  const functions = functionsOf(proto, file);
  const imports = importsOf(proto, functions);
  const fitting = [...functions].filter(([, body]) => fits(body, functions, imports));
  const state: Inlining = {
    functions: new Map(fitting),
    names: new Set(),
    calls: new Set(),
    labels: new Set(nodesWithin(proto.graph.node).map(({ name }) => name)),
    file,
    nodes: 0,
    hasCalls: fitting.length < functions.size,
  };
  collectNames(proto.graph, state.names);
  const graph = inGraph(proto.graph, null, state, []);
  const listed = new Set(proto.opsetImport.map(({ domain }) => standardDomain(domain)));
  const added = [...imports.values()].filter(({ domain }) => !listed.has(standardDomain(domain)));
  return changed(ModelSchema, proto, {
    graph,
    opsetImport: [...proto.opsetImport, ...added],
    functions: state.hasCalls ? proto.functions : [],
  });
}

function functionsOf(proto: ModelProto, file: string): ReadonlyMap<string, FunctionProto> {
  const functions = new Map<string, FunctionProto>();
  for (const body of proto.functions) {
    const key = functionKey(body.domain, body.name, body.overload);
    if (functions.has(key)) {
      throw damaged("duplicate-function", `The function '${body.name}' is there twice.`, file);
    }
    functions.set(key, body);
  }
  return functions;
}

type Imports = Map<string, ModelProto["opsetImport"][number]>;

/** The model's operator sets, and those that only its functions import. */
function importsOf(proto: ModelProto, functions: ReadonlyMap<string, FunctionProto>): Imports {
  const imports: Imports = new Map();
  const lists = [proto.opsetImport, ...[...functions.values()].map((body) => body.opsetImport)];
  for (const set of lists.flat()) {
    const domain = standardDomain(set.domain);
    if (!imports.has(domain)) imports.set(domain, set);
  }
  return imports;
}

/** Whether the body's ops mean in the model what they mean in the function. */
function fits(
  body: FunctionProto,
  functions: ReadonlyMap<string, FunctionProto>,
  imports: Imports,
): boolean {
  const own = new Map(body.opsetImport.map((set) => [standardDomain(set.domain), set.version]));
  return nodesWithin(body.node).every((node) => {
    if (functions.has(functionKey(node.domain, node.opType, node.overload))) return true;
    const domain = standardDomain(node.domain);
    return (own.get(domain) ?? imports.get(domain)?.version) === imports.get(domain)?.version;
  });
}

/** Domain, name and overload say which function a node calls. */
function functionKey(domain: string, name: string, overload: string): string {
  return [standardDomain(domain), name, overload].join(":");
}

function nodesWithin(nodes: readonly NodeProto[]): readonly NodeProto[] {
  return nodes.flatMap((node) => [
    node,
    ...node.attribute.flatMap(({ g }) => (g === undefined ? [] : nodesWithin(g.node))),
  ]);
}

function collectNames(graph: GraphProto, names: Set<string>): void {
  for (const { name } of [...graph.input, ...graph.initializer]) names.add(name);
  for (const { values } of graph.sparseInitializer) names.add(values?.name ?? "");
  for (const node of graph.node) {
    for (const name of [...node.input, ...node.output]) names.add(name);
    for (const { g } of node.attribute) if (g !== undefined) collectNames(g, names);
  }
}

/** A graph with its calls replaced; with a scope, it lies in a body, and its names are replaced as well. */
function inGraph(
  graph: GraphProto,
  outer: Scope | null,
  state: Inlining,
  path: readonly string[],
): GraphProto {
  if (outer === null) {
    return changed(GraphSchema, graph, { node: inNodes(graph.node, null, state, path) });
  }
  const scope = { ...outer, values: new Map(outer.values) };
  const own = (name: string): string => ownName(name, scope, state);
  return changed(GraphSchema, graph, {
    input: graph.input.map((value) => changed(ValueInfoSchema, value, { name: own(value.name) })),
    initializer: graph.initializer.map((tensor) =>
      changed(TensorSchema, tensor, { name: own(tensor.name) }),
    ),
    sparseInitializer: graph.sparseInitializer.map((tensor) =>
      tensor.values === undefined
        ? tensor
        : changed(SparseTensorSchema, tensor, {
            values: changed(TensorSchema, tensor.values, { name: own(tensor.values.name) }),
          }),
    ),
    node: inNodes(graph.node, scope, state, path),
    valueInfo: [],
    output: graph.output.map((value) =>
      changed(ValueInfoSchema, value, { name: scope.values.get(value.name) ?? value.name }),
    ),
  });
}

function inNodes(
  nodes: readonly NodeProto[],
  scope: Scope | null,
  state: Inlining,
  path: readonly string[],
): NodeProto[] {
  return nodes.flatMap((node) => {
    state.nodes += 1;
    if (state.nodes > MOST_NODES) {
      throw damaged(
        "functions-too-large",
        `With its functions written out the network has more than ${MOST_NODES} nodes.`,
        state.file,
      );
    }
    const here =
      scope === null ? withSubgraphs(node, state, path) : inScope(node, scope, state, path);
    const key = functionKey(node.domain, node.opType, node.overload);
    const body = state.functions.get(key);
    return body === undefined ? [here] : bodyOf(here, body, key, state, path);
  });
}

/** A node of the model's own graph: its subgraphs may hold calls. */
function withSubgraphs(node: NodeProto, state: Inlining, path: readonly string[]): NodeProto {
  if (node.attribute.every(({ g }) => g === undefined)) return node;
  const attribute = node.attribute.map((item) =>
    item.g === undefined
      ? item
      : changed(AttributeSchema, item, { g: inGraph(item.g, null, state, path) }),
  );
  return changed(NodeSchema, node, { attribute });
}

/** A node of a body under the names and with the attributes of the call. */
function inScope(
  node: NodeProto,
  scope: Scope,
  state: Inlining,
  path: readonly string[],
): NodeProto {
  const attribute = node.attribute.flatMap((item) => {
    if (item.refAttrName !== "") {
      const given = scope.attributes.get(item.refAttrName);
      return given === undefined ? [] : [changed(AttributeSchema, given, { name: item.name })];
    }
    if (item.g === undefined) return [item];
    return [changed(AttributeSchema, item, { g: inGraph(item.g, scope, state, path) })];
  });
  return changed(NodeSchema, node, {
    name: node.name === "" ? "" : free(scope.prefix + node.name, state.labels),
    input: node.input.map((name) => scope.values.get(name) ?? name),
    output: node.output.map((name) =>
      name === "" ? "" : (scope.values.get(name) ?? ownName(name, scope, state)),
    ),
    attribute,
  });
}

/** The nodes that a call stands for. */
function bodyOf(
  call: NodeProto,
  body: FunctionProto,
  key: string,
  state: Inlining,
  path: readonly string[],
): NodeProto[] {
  if (path.includes(key)) {
    throw damaged(
      "function-recursion",
      `The function '${body.name}' calls itself: ${[...path, key].join(", ")}.`,
      state.file,
    );
  }
  const attributes = new Map(body.attributeProto.map((item) => [item.name, item]));
  for (const item of call.attribute) attributes.set(item.name, item);
  const scope: Scope = {
    values: new Map(body.input.map((name, at) => [name, call.input[at] ?? ""])),
    attributes,
    prefix: `${free(call.name === "" ? (call.output[0] ?? body.name) : call.name, state.calls)}/`,
  };
  const passed: NodeProto[] = [];
  for (const [at, name] of body.output.entries()) {
    const output = call.output[at] ?? "";
    if (output === "") continue;
    const input = scope.values.get(name);
    // An output that is an input, or the same value as an output before.
    if (input !== undefined) passed.push(identity(input, output));
    else scope.values.set(name, output);
  }
  return [...inNodes(body.node, scope, state, [...path, key]), ...passed];
}

function identity(input: string, output: string): NodeProto {
  return create(NodeSchema, { opType: "Identity", input: [input], output: [output] });
}

/** A new name of the model for a value of a body. */
function ownName(name: string, scope: Scope, state: Inlining): string {
  const own = free(scope.prefix + name, state.names);
  scope.values.set(name, own);
  return own;
}

/** The name, or the first with a number behind it that is not taken; it is taken then. */
function free(wanted: string, taken: Set<string>): string {
  let name = wanted;
  for (let at = 1; taken.has(name); at += 1) name = `${wanted}_${at}`;
  taken.add(name);
  return name;
}
