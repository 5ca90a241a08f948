/** A source of random numbers; a parameter wherever chance is used, so that a seed repeats a run. */
export interface Random {
  /** Uniform in [0, 1). */
  readonly next: () => number;
  /** Uniform integer in [0, bound). */
  readonly integer: (bound: number) => number;
  /** Standard normal. */
  readonly normal: () => number;
}

/**
 * A seeded generator (sfc32 by Chris Doty-Humphrey, seeded through splitmix32): the same seed gives the
 * same sequence on every platform. Not for secrets.
 *
 * @example
 * randomFrom(1).integer(10) === randomFrom(1).integer(10) // true
 */
export function randomFrom(seed: number): Random {
  let mixer = seed >>> 0;
  const split = (): number => {
    mixer = (mixer + 0x9e3779b9) >>> 0;
    let z = mixer;
    z = Math.imul(z ^ (z >>> 16), 0x85ebca6b);
    z = Math.imul(z ^ (z >>> 13), 0xc2b2ae35);
    return (z ^ (z >>> 16)) >>> 0;
  };
  let a = split();
  let b = split();
  let c = split();
  let counter = 1;
  const next32 = (): number => {
    const sum = (a + b + counter) >>> 0;
    counter = (counter + 1) >>> 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) >>> 0;
    c = ((c << 21) | (c >>> 11)) >>> 0;
    c = (c + sum) >>> 0;
    return sum;
  };
  for (let warmUp = 0; warmUp < 12; warmUp += 1) next32();
  const next = (): number => next32() / 0x1_0000_0000;
  const integer = (bound: number): number => Math.floor(next() * bound);
  const normal = (): number =>
    Math.sqrt(-2 * Math.log(1 - next())) * Math.cos(2 * Math.PI * next());
  return { next, integer, normal };
}

/** The items in a random order (Fisher-Yates); the input is left as it is. */
export function shuffled<T>(items: readonly T[], random: Random): T[] {
  const result = [...items];
  for (let last = result.length - 1; last > 0; last -= 1) {
    const pick = random.integer(last + 1);
    const picked = result[pick] as T;
    result[pick] = result[last] as T;
    result[last] = picked;
  }
  return result;
}
