import { UsageError } from "../../core/errors.ts";

/**
 * Lengths by name: from `name=number`, once or several times, or from an object of a config file.
 * @throws UsageError `cli/bind`
 */
export function bindings(given: unknown): Readonly<Record<string, number>> {
  if (given === undefined || given === null) return {};
  const entries = (Array.isArray(given) ? given : [given]).flatMap(
    (each: unknown): readonly (readonly [string, number])[] => {
      if (typeof each !== "object" || each === null) return [bindingOf(String(each))];
      return Object.entries(each).map(([name, length]) => bindingOf(`${name}=${String(length)}`));
    },
  );
  return Object.fromEntries(entries);
}

function bindingOf(text: string): readonly [string, number] {
  const match = /^(.+)=([1-9]\d*)$/.exec(text);
  if (match?.[1] !== undefined) return [match[1], Number(match[2])];
  throw new UsageError({
    code: "cli/bind",
    message: `'${text}' binds nothing.`,
    where: "--bind",
    hint: 'Write it as name=number, for example --bind height=224, or "bind": { "height": 224 } in a config file.',
  });
}
