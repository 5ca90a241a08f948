/** Dense blocks: layers that take the list of all outputs before them. */
import { type Text, use } from "./pieces.ts";
import { type Item, LIST, type Scope } from "./scope.ts";

/**
 * Children that join all their inputs before they do anything take them as one list; so do their siblings of one input and
 * else the same steps. So that the layers of a dense block are of one class.
 */
export function takeLists(scope: Scope): void {
  const children = [...scope.children.values()].filter((child) => child.form === "class");
  const first = children.find((child) => child.inputs.length > 1 && joinOf(child) !== null);
  const join = first === undefined ? null : joinOf(first);
  if (first === undefined || join === null) return;
  const joins = (child: Scope): boolean => joinOf(child)?.dim === join.dim;
  if (children.filter((child) => child.inputs.length > 1 && joins(child)).length < 2) return;
  const steps = first.items.length;
  for (const child of children) {
    const alone = child.inputs.length === 1 && child.items.length === steps - 1;
    if (!alone && !joins(child)) continue;
    const list = `${child.path.join(".")}${LIST}`;
    const joined = `${child.path.join(".")}/joined`;
    child.list = child.inputs;
    const text: Text = ["torch.cat(", use(list), `, dim=${join.dim})`];
    if (alone) {
      const [input = ""] = child.inputs;
      const start: Item = {
        inputs: [list],
        outputs: [joined],
        text,
        binding: "atom",
        order: -1,
        slot: null,
        statement: null,
        child: null,
      };
      child.items = [start, ...child.items.map((item) => withInput(item, input, joined))];
    } else {
      const [start, ...rest] = child.items;
      if (start !== undefined) child.items = [{ ...start, inputs: [list], text }, ...rest];
    }
    child.inputs = [list];
  }
}

/** The axis of a scope's first step where that joins all of the scope's inputs, which nothing else reads. */
function joinOf(scope: Scope): { readonly dim: string } | null {
  const [first, ...rest] = scope.items;
  if (first === undefined || first.child !== null || first.text[0] !== "torch.cat((") return null;
  const all =
    first.inputs.length === scope.inputs.length &&
    first.inputs.every((input, index) => input === scope.inputs[index]);
  const elsewhere = rest.some((item) => item.inputs.some((input) => scope.inputs.includes(input)));
  const dim = /dim=(-?\d+)\)$/.exec(
    first.text.filter((piece) => typeof piece === "string").join(""),
  )?.[1];
  const constants = first.text.some(
    (piece) => typeof piece !== "string" && piece.kind === "member",
  );
  return all && !elsewhere && !constants && dim !== undefined ? { dim } : null;
}

function withInput(item: Item, from: string, to: string): Item {
  const inputs = item.inputs.map((input) => (input === from ? to : input));
  const text = item.text.map((piece) =>
    typeof piece !== "string" && piece.kind === "use" && piece.value === from
      ? { ...piece, value: to }
      : piece,
  );
  return { ...item, inputs, text };
}

/** Layers that each take what all before them made, and in the end all of it together. */
export function isDense(scope: Scope): boolean {
  const [input, ...more] = scope.inputs;
  const layers = scope.items.slice(0, -1);
  const last = scope.items.at(-1);
  if (input === undefined || more.length > 0 || layers.length < 2 || scope.members.size > 0)
    return false;
  const made = [input];
  for (const { child, outputs } of layers) {
    if (child?.list?.join() !== made.join() || outputs.length !== 1) return false;
    made.push(outputs[0] ?? "");
  }
  const text = last?.text.filter((piece) => typeof piece === "string").join("") ?? "";
  return last?.inputs.join() === made.join() && /^torch\.cat\(.*dim=1\)$/.test(text);
}
