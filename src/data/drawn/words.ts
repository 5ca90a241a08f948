import type { Random } from "../../core/random.ts";

/** Colours that objects of the drawn sets have, as red, green and blue from 0 to 1. */
export const COLOURS = [
  { name: "red", rgb: [0.85, 0.12, 0.12] },
  { name: "green", rgb: [0.12, 0.7, 0.2] },
  { name: "blue", rgb: [0.15, 0.25, 0.9] },
  { name: "yellow", rgb: [0.9, 0.85, 0.15] },
  { name: "purple", rgb: [0.6, 0.15, 0.7] },
  { name: "white", rgb: [0.95, 0.95, 0.95] },
] as const;

/** Outlines that objects have, by their names in `SHAPES`. */
export const FORMS = ["circle", "triangle", "square", "star", "cross", "ring"] as const;

export const SIZES = ["small", "big"] as const;

/** What the first object is of the second; each is followed by its opposite. */
export const RELATIONS = ["left", "right", "above", "below"] as const;

/** An object as words describe it: indices into `COLOURS`, `FORMS` and `SIZES`. */
export interface Described {
  readonly colour: number;
  readonly form: number;
  readonly size: number;
}

/** Two objects and what the first is of the second, an index into `RELATIONS`. */
export interface Relation {
  readonly first: Described;
  readonly second: Described;
  readonly relation: number;
}

/** Every word, by its token. Token 0 fills a text up to its length, 1 begins it, 2 ends it. */
export const WORDS: readonly string[] = [
  ...["[fill]", "[begin]", "[end]"],
  ...["a", "the", "there", "is", "what", "colour", "shape", "thing", "of"],
  ...SIZES,
  ...COLOURS.map(({ name }) => name),
  ...FORMS,
  ...RELATIONS,
];

/** Every answer, by its number: the colours, the forms, no and yes. */
export const ANSWERS: readonly string[] = [
  ...COLOURS.map(({ name }) => name),
  ...FORMS,
  "no",
  "yes",
];

/** Tokens per text. */
export const TEXT_LENGTH = 14;

const TOKENS: ReadonlyMap<string, number> = new Map(WORDS.map((word, token) => [word, token]));

/** The tokens of a text of known words, begun, ended and filled up. */
export function tokensOf(words: readonly string[]): readonly number[] {
  const tokens = ["[begin]", ...words, "[end]"].map((word) => TOKENS.get(word) ?? 0);
  return Array.from({ length: TEXT_LENGTH }, (_, at) => tokens[at] ?? 0);
}

/** The words of a text, without the marks. */
export function wordsOf(tokens: ArrayLike<number>): string {
  return Array.from(tokens, (token) => WORDS[token] ?? "?")
    .filter((word) => !word.startsWith("["))
    .join(" ");
}

/** One of the four sentences that are true of the picture: from either object, with or without "there is". */
export function captionOf(scene: Relation, random: Random): readonly string[] {
  const { first, second, relation } = random.integer(2) === 0 ? scene : turned(scene);
  const begin = random.integer(2) === 0 ? [] : ["there", "is"];
  return [...begin, ...naming(first), ...placing(relation), ...naming(second)];
}

export interface Question {
  readonly words: readonly string[];
  /** An index into `ANSWERS`. */
  readonly answer: number;
}

/** A question of one of four kinds, and its answer; half of the answers of the fourth kind are yes. */
export function questionOf(scene: Relation, random: Random): Question {
  const { first, second, relation } = random.integer(2) === 0 ? scene : turned(scene);
  const form = FORMS[first.form] ?? "";
  const colour = COLOURS[first.colour]?.name ?? "";
  const about = FORMS[second.form] ?? "";
  switch (random.integer(4)) {
    case 0:
      return { words: ["what", "colour", "is", "the", form], answer: first.colour };
    case 1:
      return { words: ["what", "shape", "is", "the", colour, "thing"], answer: shapeAnswer(first) };
    case 2: {
      const words = ["what", "is", ...placing(relation), "the", about];
      return { words, answer: shapeAnswer(first) };
    }
    default:
      return yesOrNo(scene, random);
  }
}

function yesOrNo(scene: Relation, random: Random): Question {
  const { first, second, relation } = random.integer(2) === 0 ? scene : turned(scene);
  const about = FORMS[second.form] ?? "";
  const ask = (colour: number, where: number): readonly string[] => {
    const name = COLOURS[colour]?.name ?? "";
    return ["is", "there", "a", name, "thing", ...placing(where), "the", about];
  };
  if (random.integer(2) === 0) {
    return { words: ask(first.colour, relation), answer: ANSWERS.length - 1 };
  }
  // No: either the colour is another one, or the place is.
  const otherColour = (first.colour + 1 + random.integer(COLOURS.length - 1)) % COLOURS.length;
  const otherPlace = (relation + 1 + random.integer(RELATIONS.length - 1)) % RELATIONS.length;
  const words =
    random.integer(2) === 0 ? ask(otherColour, relation) : ask(first.colour, otherPlace);
  return { words, answer: ANSWERS.length - 2 };
}

/** The same scene said from the other object. */
function turned({ first, second, relation }: Relation): Relation {
  // Opposites are neighbours in the list: an even index and the odd one behind it.
  return {
    first: second,
    second: first,
    relation: relation % 2 === 0 ? relation + 1 : relation - 1,
  };
}

function naming({ size, colour, form }: Described): readonly string[] {
  return ["a", SIZES[size] ?? "", COLOURS[colour]?.name ?? "", FORMS[form] ?? ""];
}

function placing(relation: number): readonly string[] {
  const word = RELATIONS[relation] ?? "";
  return relation < 2 ? [word, "of"] : [word];
}

function shapeAnswer({ form }: Described): number {
  return COLOURS.length + form;
}
