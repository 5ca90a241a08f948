import { InputError } from "../../core/errors.ts";
import { sha256 } from "../../core/files.ts";
import { type SampleBatch, slicedBatch } from "../../runtime/batches.ts";

/** Samples that can be fetched by their numbers. */
export interface Items {
  readonly count: number;
  readonly path: string;
  readonly samples: (indices: readonly number[]) => Promise<SampleBatch>;
}

/** Which items networks are searched on, and which they are confirmed on; by their numbers. */
export interface Dealt {
  readonly search: readonly number[];
  readonly confirm: readonly number[];
  /** Items on the search's side that the search does not look at. */
  readonly spare: readonly number[];
  /** Content of the confirm items, by hash. */
  readonly confirmed: ReadonlySet<string>;
  /** Names the confirm items: the same items, the same name. */
  readonly confirmHash: string;
}

const CHUNK = 64;

/** SHA-256 of the content of every item: what is fed, not what it is called. */
export async function contentHashes({ count, samples }: Items): Promise<readonly string[]> {
  const hashes: string[] = [];
  for (let start = 0; start < count; start += CHUNK) {
    const indices = Array.from({ length: Math.min(CHUNK, count - start) }, (_, k) => start + k);
    hashes.push(...hashesIn(await samples(indices)));
  }
  return hashes;
}

function hashesIn({ size, feeds }: SampleBatch): readonly string[] {
  return Array.from({ length: size }, (_, sample) => {
    const parts = Object.entries(feeds).map(([name, feed]) => {
      const per = feed.data.length / size;
      const own = feed.data.slice(sample * per, (sample + 1) * per);
      const bytes =
        feed.type === "string"
          ? new TextEncoder().encode(JSON.stringify(own))
          : new Uint8Array(
              (own as Float32Array).buffer,
              (own as Float32Array).byteOffset,
              (own as Float32Array).byteLength,
            );
      return `${name} ${sha256(bytes)}`;
    });
    return sha256(parts.join("\n"));
  });
}

/** The batches without the samples whose content is among `banned`. */
export async function* withoutItems(
  batches: AsyncIterable<SampleBatch>,
  banned: ReadonlySet<string>,
): AsyncGenerator<SampleBatch> {
  for await (const batch of batches) {
    const isFree = hashesIn(batch).map((hash) => !banned.has(hash));
    for (let start = 0; start < batch.size; ) {
      let end = start;
      while (isFree[end] === true) end += 1;
      if (end > start) yield slicedBatch(batch, start, end);
      start = end + 1;
    }
  }
}

/**
 * Deals items to search and confirm by the hash of their content, so that an item stays on its side when others come or go, and copies of
 * an item are on one side. Of copies one is taken.
 * @throws InputError `metrics/too-few-items`
 */
export function dealItems(
  hashes: readonly string[],
  wanted: { readonly search: number; readonly confirm: number },
  path: string,
): Dealt {
  const share = wanted.search / (wanted.search + wanted.confirm);
  const search: { hash: string; index: number }[] = [];
  const confirm: { hash: string; index: number }[] = [];
  const seen = new Set<string>();
  for (const [index, hash] of hashes.entries()) {
    if (seen.has(hash)) continue;
    seen.add(hash);
    const at = Number.parseInt(hash.slice(0, 12), 16) / 2 ** 48;
    (at < share ? search : confirm).push({ hash, index });
  }
  const sorted = (list: typeof search): typeof search =>
    [...list].sort((a, b) => (a.hash < b.hash ? -1 : 1));
  const searchSide = sorted(search);
  const [one, rest] = [searchSide.slice(0, wanted.search), searchSide.slice(wanted.search)];
  const other = sorted(confirm).slice(0, wanted.confirm);
  if (one.length < LEAST || other.length < LEAST) {
    throw new InputError({
      code: "metrics/too-few-items",
      message: `The data has ${seen.size} different items; ${one.length} are left to search on and ${other.length} to confirm on. Each needs at least ${LEAST}.`,
      where: path,
      hint: "Give more items, or change 'search' and 'confirm' in metrics.json: their ratio decides how many go to which side.",
    });
  }
  return {
    search: one.map(({ index }) => index),
    confirm: other.map(({ index }) => index),
    spare: rest.map(({ index }) => index),
    confirmed: new Set(other.map(({ hash }) => hash)),
    confirmHash: sha256(other.map(({ hash }) => hash).join("\n")),
  };
}

const LEAST = 8;

/**
 * Refuses items to confirm on that were searched on.
 * @throws InputError `metrics/overlap`
 */
export function checkApart(
  searched: readonly string[],
  confirmed: readonly string[],
  path: string,
): void {
  const known = new Set(searched);
  const shared = confirmed.filter((hash) => known.has(hash)).length;
  if (shared === 0) return;
  throw new InputError({
    code: "metrics/overlap",
    message: `${shared} of the ${confirmed.length} items to confirm on are among those that are searched on; their figures would be too good.`,
    where: path,
    hint: "Give items that the search never saw, or leave 'confirmPath' out: items of one folder are dealt to both sides.",
  });
}
