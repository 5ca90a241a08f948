import { expect, test } from "vitest";
import { randomFrom } from "../../src/core/random.ts";
import { significant } from "../../src/core/significant.ts";

test("rounds as the decimal text does, at every size and at ties", () => {
  const seed = 20261130;
  const random = randomFrom(seed);
  const ties = [0.1234565, 1.000005, 2.5000005, 999999.5, 99999.95, 123456.5, 0.9999995, 1e-22 / 3];
  const odd = [
    0,
    -0,
    -1.2345678,
    Number.NaN,
    Number.POSITIVE_INFINITY,
    5e-324,
    1.7e308,
    1e21,
    1e22,
  ];
  const drawn = Array.from(
    { length: 20_000 },
    () => random.next() * 10 ** (40 * random.next() - 25),
  );
  for (const value of [...ties, ...odd, ...drawn]) {
    for (const digits of [1, 6, 7, 12]) {
      const expected = Number(value.toPrecision(digits));
      if (!Object.is(significant(value, digits), expected)) {
        expect.fail(
          `${value} to ${digits} digits: ${significant(value, digits)}, not ${expected}; seed ${seed}`,
        );
      }
    }
  }
});
