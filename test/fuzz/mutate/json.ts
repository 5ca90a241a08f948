import type { Random } from "../../../src/core/random.ts";

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Depth that recursive readers don't survive. */
const DEEP = 20_000;

/** Numbers that JSON can hold and programs don't expect. */
const NUMBERS = [0, -1, 0.5, 1e308, -1e308, 1e-320, 2 ** 31, 2 ** 32, 2 ** 53, 1e21, 4e9, -0.001];
const TEXTS = ["", "0", "__proto__", "constructor", "NaN", "\u0000", "ä\ud800", "0-4294967295"];
const KEYS = ["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "length", ""];

/** Text of the JSON document after one to three structural changes. Numbers beyond JSON's are written out: 1e999. */
export function mutatedJson(text: string, random: Random): string {
  let root = JSON.parse(text) as Json;
  for (let left = 1 + random.integer(3); left > 0; left -= 1) root = changed(root, random);
  const written = JSON.stringify(root);
  switch (random.integer(40)) {
    case 0:
      return written.replace(/\d+/, "1e999");
    case 1:
      return "[".repeat(DEEP) + written + "]".repeat(DEEP);
    case 2:
      return written.replace(/:"[^"]*"/, (quoted) => `:${deep(quoted.slice(1), DEEP)}`);
    case 3:
      return `\ufeff${written}`;
    default:
      return written;
  }
}

function deep(inner: string, depth: number): string {
  return `{"a":`.repeat(depth) + inner + "}".repeat(depth);
}

/** One place of the document, chosen so that every depth is hit, gets another value. */
function changed(value: Json, random: Random): Json {
  if (value === null || typeof value !== "object") return otherValue(value, random);
  const keys = Object.keys(value);
  if (keys.length > 0 && random.integer(5) > 0) {
    const key = keys[random.integer(keys.length)] ?? "";
    return withChild(value, key, changed(childOf(value, key), random));
  }
  return Array.isArray(value) ? otherList(value, random) : otherObject(value, random);
}

function otherList(list: readonly Json[], random: Random): Json {
  const item = list[random.integer(list.length)] ?? null;
  switch (random.integer(7)) {
    case 0:
      return [];
    case 1:
      return list.slice(0, -1);
    case 2:
      return [...list, item];
    case 3:
      return [...list].reverse();
    case 4:
      return Array.from({ length: 1 + random.integer(300) }, () => item);
    case 5:
      return [...list, list as Json[]];
    default:
      return otherValue(list as Json[], random);
  }
}

function otherObject(object: { readonly [key: string]: Json }, random: Random): Json {
  const entries = Object.entries(object);
  const at = random.integer(entries.length);
  const [key, child] = entries[at] ?? ["", null];
  switch (random.integer(6)) {
    case 0:
      return made(entries.filter((_, index) => index !== at));
    case 1:
      return made([...entries, [KEYS[random.integer(KEYS.length)] ?? "", child]]);
    case 2:
      return made(entries.map(([name, value], index) => [index === at ? `${key}x` : name, value]));
    case 3: {
      const other = entries[random.integer(entries.length)]?.[1] ?? null;
      return made(entries.map(([name, value], index) => [name, index === at ? other : value]));
    }
    case 4:
      return made([]);
    default:
      return otherValue(object as Json, random);
  }
}

function otherValue(value: Json, random: Random): Json {
  const near = typeof value === "number" && random.integer(2) === 0;
  if (near) return value + ([1, -1, 0.5, 1e-9][random.integer(4)] ?? 1);
  switch (random.integer(9)) {
    case 0:
      return null;
    case 1:
      return random.integer(2) === 0;
    case 2:
    case 3:
      return NUMBERS[random.integer(NUMBERS.length)] ?? 0;
    case 4:
      return TEXTS[random.integer(TEXTS.length)] ?? "";
    case 5:
      return typeof value === "string" ? mutatedWord(value, random) : JSON.stringify(value);
    case 6:
      return [value];
    case 7:
      return { value };
    default:
      return typeof value === "number" ? -value : [];
  }
}

function mutatedWord(word: string, random: Random): string {
  const place = random.integer(word.length + 1);
  const middle = ["", "x", "-", ",", "*", "(", "9999999999"][random.integer(7)] ?? "";
  return word.slice(0, place) + middle + word.slice(place + random.integer(2));
}

/** Own keys alone, even where they are called __proto__. */
function made(entries: readonly (readonly [string, Json])[]): Json {
  const object: { [key: string]: Json } = {};
  for (const [key, value] of entries) {
    Object.defineProperty(object, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
  return object;
}

function childOf(parent: Json[] | { [key: string]: Json }, key: string): Json {
  return (Array.isArray(parent) ? parent[Number(key)] : parent[key]) ?? null;
}

function withChild(parent: Json[] | { [key: string]: Json }, key: string, child: Json): Json {
  if (Array.isArray(parent))
    return parent.map((item, index) => (String(index) === key ? child : item));
  return made(Object.entries(parent).map(([name, value]) => [name, name === key ? child : value]));
}
