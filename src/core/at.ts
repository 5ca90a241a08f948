import { InternalError } from "./errors.ts";

/**
 * The element at an index that must be there.
 * @throws InternalError `core/no-element` where it isn't: a wrong index must not pass for a zero
 */
export function at<Item>(list: ArrayLike<Item>, index: number): Item {
  const item = list[index];
  if (item === undefined) throw missing(`index ${index}`, `${list.length} elements`);
  return item;
}

/**
 * The value of a key that must be there.
 * @throws InternalError `core/no-element`
 */
export function get<Key, Item>(map: ReadonlyMap<Key, Item>, key: Key): Item {
  const item = map.get(key);
  if (item === undefined) throw missing(`key '${String(key)}'`, `${map.size} entries`);
  return item;
}

function missing(what: string, among: string): InternalError {
  return new InternalError({
    code: "core/no-element",
    message: `There is no ${what} among ${among}.`,
  });
}
