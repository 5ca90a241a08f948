import { expect, test } from "vitest";
import { limitable, limited } from "../../helpers/limited-network.ts";
import { TRANSFORMERS } from "../../helpers/transformers.ts";

const network = limitable(TRANSFORMERS.crossAttention(), 1);

/** Widths on offer per role. */
async function widthsWith(
  limit: readonly string[],
): Promise<ReadonlyMap<string, readonly number[]>> {
  const { structure, network: made } = await limited(network, { limit }, { step: 1 });
  return new Map(
    structure.dims.flatMap(({ role, index }) =>
      role === null ? [] : [[role, made.choices[index]?.counts ?? []] as const],
    ),
  );
}

test("a multiple for one role leaves the other roles their widths", async () => {
  const [free, asked] = [await widthsWith([]), await widthsWith(["align('qk', 3)"])];
  expect(free.get("qk")).toEqual([1, 2, 3, 4, 5, 6]);
  expect(asked.get("qk")).toEqual([3, 6]);
  for (const role of ["heads", "v", "mlp"]) expect(asked.get(role)).toEqual(free.get(role));
});

test("a multiple of widths says nothing of heads, unless they are named", async () => {
  const all = await widthsWith(["align(3)"]);
  expect(all.get("heads")).toEqual([1, 2, 3, 4]);
  expect(all.get("v")).toEqual([3, 6]);
  expect((await widthsWith(["align('heads', 2)"])).get("heads")).toEqual([2, 4]);
});

test("a role without a multiple is refused", async () => {
  await expect(widthsWith(["align('qk')"])).rejects.toMatchObject({ exitCode: 2 });
});
