/** One regression tree over binned features, for `boosting.ts`. */
import type { Random } from "../../core/random.ts";

/** How a tree grows. */
export interface TreeOptions {
  readonly leaves: number;
  /** Fewest rows in a leaf. */
  readonly leafRows: number;
  /** Share of the tree's values that is applied. */
  readonly rate: number;
  /** Shares of rows and of features that the tree sees. */
  readonly rowShare: number;
  readonly featureShare: number;
  /** Rows of mean zero that every leaf is thought to hold besides its own. */
  readonly shrinkage: number;
}

/** Rows by features, one array per feature, all of one length. */
export type Columns = readonly Float64Array[];

/** Trees in one array each, side by side; a node's children are `left` and `left + 1`, a leaf has none (0). */
export interface Tree {
  readonly feature: Uint16Array;
  readonly threshold: Float64Array;
  readonly left: Uint16Array;
  readonly value: Float64Array;
}

const BINS = 128;

/** Adds what the tree says of each row. */
export function addTree(tree: Tree, columns: Columns, sums: Float64Array): void {
  const { feature, threshold, left, value } = tree;
  for (let row = 0; row < sums.length; row += 1) {
    let node = 0;
    for (let next = left[0] ?? 0; next > 0; next = left[node] ?? 0) {
      const column = columns[feature[node] ?? 0];
      node = (column?.[row] ?? 0) <= (threshold[node] ?? 0) ? next : next + 1;
    }
    sums[row] = (sums[row] ?? 0) + (value[node] ?? 0);
  }
}

/** A feature's values as small whole numbers. */
export interface BinnedColumn {
  readonly bins: Uint8Array;
  /** The largest value that belongs to each bin. */
  readonly edges: Float64Array;
}

/** Bins of equal numbers of rows, or one per value where there are few. */
export function binColumn(column: Float64Array): BinnedColumn {
  const sorted = Float64Array.from(column).sort();
  const distinct = sorted.filter((value, index) => index === 0 || value !== sorted[index - 1]);
  const edges = distinct.length <= BINS ? distinct : quantileEdges(sorted);
  const between = edges.map((edge, index) => (edge + (edges[index + 1] ?? edge)) / 2);
  const bins = Uint8Array.from(column, (value) => binOf(edges, value));
  return { bins, edges: distinct.length <= BINS ? between : edges };
}

function quantileEdges(sorted: Float64Array): Float64Array {
  const edges = Float64Array.from(
    { length: BINS },
    (_, bin) => sorted[Math.ceil(((bin + 1) * sorted.length) / BINS) - 1] ?? 0,
  );
  return edges.filter((value, index) => index === 0 || value !== edges[index - 1]);
}

/** The first bin whose edge is not below the value. */
function binOf(edges: Float64Array, value: number): number {
  let [low, high] = [0, edges.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((edges[middle] ?? 0) < value) low = middle + 1;
    else high = middle;
  }
  return low;
}

interface Split {
  readonly gain: number;
  readonly feature: number;
  readonly bin: number;
}

/** Sum of gradients and number of rows per feature and bin. */
interface Histogram {
  readonly sums: Float64Array;
  readonly counts: Float64Array;
}

/** A leaf that may still be split. */
interface Leaf {
  readonly node: number;
  readonly rows: Uint32Array;
  readonly histogram: Histogram;
  readonly split: Split | null;
}

/** What growing one tree goes by. */
interface Growing {
  readonly binned: readonly BinnedColumn[];
  /** Features that this tree may ask for, and where the bins of each begin in a histogram, its length at the end. */
  readonly features: readonly number[];
  readonly starts: readonly number[];
  readonly gradient: Float64Array;
  readonly options: TreeOptions;
}

/** Grows a tree towards the gradient, always where it gains most. */
export function growTree(
  binned: readonly BinnedColumn[],
  gradient: Float64Array,
  options: TreeOptions,
  random: Random,
): Tree {
  const features = [...binned.keys()].filter(() => random.next() < options.featureShare);
  const all = Uint32Array.from(gradient.keys());
  const rows = options.rowShare >= 1 ? all : all.filter(() => random.next() < options.rowShare);
  const starts = binStarts(binned, features);
  const growing = { binned, features, starts, gradient, options };
  const size = 2 * options.leaves;
  const tree = {
    feature: new Uint16Array(size),
    threshold: new Float64Array(size),
    left: new Uint16Array(size),
    value: new Float64Array(size),
  };
  const open = [leafOf(growing, tree, 0, rows, histogramOf(growing, rows))];
  for (let nodes = 1; nodes + 1 < size; nodes += 2) {
    const at = widest(open);
    const leaf = open[at];
    const column = leaf?.split === null ? undefined : binned[leaf?.split.feature ?? -1];
    if (leaf === undefined || leaf.split === null || column === undefined) break;
    const { feature, bin } = leaf.split;
    tree.feature[leaf.node] = feature;
    tree.threshold[leaf.node] = column.edges[bin] ?? 0;
    tree.left[leaf.node] = nodes;
    const [left, right] = parted(leaf.rows, column.bins, bin);
    // The smaller half is counted; the rest of the parent's histogram is the larger one's.
    const small = histogramOf(growing, left.length < right.length ? left : right);
    const large = without(leaf.histogram, small);
    const [ofLeft, ofRight] = left.length < right.length ? [small, large] : [large, small];
    open[at] = leafOf(growing, tree, nodes, left, ofLeft);
    open.push(leafOf(growing, tree, nodes + 1, right, ofRight));
  }
  return tree;
}

function binStarts(binned: readonly BinnedColumn[], features: readonly number[]): number[] {
  const starts = [0];
  for (const feature of features) {
    starts.push((starts.at(-1) ?? 0) + (binned[feature]?.edges.length ?? 0));
  }
  return starts;
}

function leafOf(
  growing: Growing,
  tree: Tree,
  node: number,
  rows: Uint32Array,
  histogram: Histogram,
): Leaf {
  const { gradient, options } = growing;
  let sum = 0;
  for (const row of rows) sum += gradient[row] ?? 0;
  tree.value[node] = (options.rate * sum) / (rows.length + options.shrinkage);
  return { node, rows, histogram, split: bestSplit(growing, histogram, sum, rows.length) };
}

/** Rows up to the bin, and those beyond. */
function parted(rows: Uint32Array, bins: Uint8Array, bin: number): [Uint32Array, Uint32Array] {
  const [low, high] = [new Uint32Array(rows.length), new Uint32Array(rows.length)];
  let [lows, highs] = [0, 0];
  for (const row of rows) {
    if ((bins[row] ?? 0) <= bin) {
      low[lows] = row;
      lows += 1;
    } else {
      high[highs] = row;
      highs += 1;
    }
  }
  return [low.slice(0, lows), high.slice(0, highs)];
}

/** Where splitting gains most. */
function widest(leaves: readonly Leaf[]): number {
  let best = 0;
  for (const [index, leaf] of leaves.entries()) {
    if ((leaf.split?.gain ?? -1) > (leaves[best]?.split?.gain ?? -1)) best = index;
  }
  return best;
}

function histogramOf(
  { binned, features, starts, gradient }: Growing,
  rows: Uint32Array,
): Histogram {
  const sums = new Float64Array(starts.at(-1) ?? 0);
  const counts = new Float64Array(sums.length);
  const own = new Float64Array(rows.length);
  for (let index = 0; index < rows.length; index += 1) own[index] = gradient[rows[index] ?? 0] ?? 0;
  for (const [place, feature] of features.entries()) {
    const bins = binned[feature]?.bins;
    if (bins === undefined) continue;
    const start = starts[place] ?? 0;
    // Typed arrays are read within their length here; the fallbacks cost a third of the time of all this.
    for (let index = 0; index < rows.length; index += 1) {
      const at = start + (bins[rows[index] as number] as number);
      sums[at] = (sums[at] as number) + (own[index] as number);
      counts[at] = (counts[at] as number) + 1;
    }
  }
  return { sums, counts };
}

function without(whole: Histogram, part: Histogram): Histogram {
  const sums = whole.sums.slice();
  const counts = whole.counts.slice();
  for (let at = 0; at < sums.length; at += 1) {
    sums[at] = (sums[at] as number) - (part.sums[at] as number);
    counts[at] = (counts[at] as number) - (part.counts[at] as number);
  }
  return { sums, counts };
}

/** Where the squared error shrinks most, or null where a leaf would get too few rows. */
function bestSplit(
  { binned, features, starts, options }: Growing,
  histogram: Histogram,
  sum: number,
  rows: number,
): Split | null {
  if (rows < 2 * options.leafRows) return null;
  let best: Split | null = null;
  for (const [place, feature] of features.entries()) {
    const last = (binned[feature]?.edges.length ?? 1) - 1;
    const own = { start: starts[place] ?? 0, last, sum, rows };
    const { bin, gain } = bestBin(histogram, own, options);
    if (bin >= 0 && gain > (best?.gain ?? LEAST_GAIN)) best = { gain, feature, bin };
  }
  return best;
}

const LEAST_GAIN = 1e-12;

/** The best place to split at along one feature; bin -1 where there is none. */
function bestBin(
  { sums, counts }: Histogram,
  { start, last, sum, rows }: Readonly<Record<"start" | "last" | "sum" | "rows", number>>,
  { leafRows, shrinkage }: TreeOptions,
): { readonly bin: number; readonly gain: number } {
  let best = -1;
  let most = 0;
  let [leftSum, leftRows] = [0, 0];
  for (let bin = 0; bin < last; bin += 1) {
    leftSum += sums[start + bin] ?? 0;
    leftRows += counts[start + bin] ?? 0;
    const rightRows = rows - leftRows;
    if (leftRows < leafRows) continue;
    if (rightRows < leafRows) break;
    const rightSum = sum - leftSum;
    const score = leftSum ** 2 / (leftRows + shrinkage) + rightSum ** 2 / (rightRows + shrinkage);
    if (score <= most) continue;
    most = score;
    best = bin;
  }
  return { bin: best, gain: most - sum ** 2 / (rows + shrinkage) };
}
