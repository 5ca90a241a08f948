/** Transformer layers with the norm before each branch, as exporters write them. */
import { layerNorm, linear } from "./layers.ts";
import type { NetworkWriter } from "./writer.ts";

export interface TransformerShape {
  readonly width: number;
  readonly heads: number;
  /** Inner width of the two-layer perceptron. */
  readonly hidden: number;
}

interface Attention extends TransformerShape {
  /** Tokens that ask, and tokens that are looked at. */
  readonly tokens: number;
  readonly others: number;
}

/** x + attention(norm(x)), then + perceptron(norm(.)); with `context` an attention to other tokens lies between. */
export function transformerLayer(
  w: NetworkWriter,
  path: string,
  x: string,
  shape: TransformerShape & { readonly tokens: number },
  context: { readonly value: string; readonly tokens: number } | null = null,
): string {
  const { width, hidden, tokens } = shape;
  const own = layerNorm(w, `${path}.norm1`, x, width);
  const looked = attention(w, `${path}.attn`, own, own, { ...shape, others: tokens });
  const first = w.node(`${path}.add1`, "Add", [x, looked]);
  const second = context === null ? first : withContext(w, path, first, shape, context);
  const normed = layerNorm(w, `${path}.norm2`, second, width);
  const inner = gelu(w, `${path}.act`, linear(w, `${path}.fc1`, normed, [width, hidden]));
  const outer = linear(w, `${path}.fc2`, inner, [hidden, width], { gain: 0.5 });
  return w.node(`${path}.add2`, "Add", [second, outer]);
}

function withContext(
  w: NetworkWriter,
  path: string,
  x: string,
  shape: TransformerShape & { readonly tokens: number },
  context: { readonly value: string; readonly tokens: number },
): string {
  const normed = layerNorm(w, `${path}.norm_cross`, x, shape.width);
  const others = context.tokens;
  const seen = attention(w, `${path}.cross`, normed, context.value, { ...shape, others });
  return w.node(`${path}.add_cross`, "Add", [x, seen]);
}

/** Scaled dot-product attention with several heads (Vaswani et al., 1706.03762). */
function attention(
  w: NetworkWriter,
  path: string,
  asking: string,
  asked: string,
  { width, heads, tokens, others }: Attention,
): string {
  const perHead = width / heads;
  const split = (part: string, x: string, count: number, perm: readonly number[]): string => {
    const made = linear(w, `${path}.${part}`, x, [width, width]);
    const shape = w.integers(`${path}.${part}.shape`, [0, count, heads, perHead]);
    const apart = w.node(`${path}.${part}.split`, "Reshape", [made, shape]);
    return w.node(`${path}.${part}.turn`, "Transpose", [apart], { perm });
  };
  const queries = split("q", asking, tokens, [0, 2, 1, 3]);
  const keys = split("k", asked, others, [0, 2, 3, 1]);
  const values = split("v", asked, others, [0, 2, 1, 3]);
  const scale = w.constant(`${path}.scale`, [], 1 / Math.sqrt(perHead));
  const products = w.node(`${path}.scores`, "MatMul", [queries, keys]);
  const scores = w.node(`${path}.scores`, "Mul", [products, scale]);
  const weights = w.node(`${path}.softmax`, "Softmax", [scores], { axis: -1 });
  const mixed = w.node(`${path}.mix`, "MatMul", [weights, values]);
  const together = w.node(`${path}.join`, "Transpose", [mixed], { perm: [0, 2, 1, 3] });
  const shape = w.integers(`${path}.join.shape`, [0, tokens, width]);
  const joined = w.node(`${path}.join`, "Reshape", [together, shape]);
  return linear(w, `${path}.out`, joined, [width, width], { gain: 0.5 });
}

/** x/2 (1 + erf(x / sqrt 2)), written out as for opset 17. */
function gelu(w: NetworkWriter, path: string, x: string): string {
  const root = w.constant(`${path}.root`, [], Math.SQRT2);
  const one = w.constant(`${path}.one`, [], 1);
  const half = w.constant(`${path}.half`, [], 0.5);
  const error = w.node(path, "Erf", [w.node(path, "Div", [x, root])]);
  const gate = w.node(path, "Add", [error, one]);
  return w.node(`${path}.gelu`, "Mul", [w.node(path, "Mul", [x, gate]), half]);
}
