import picocolors from "picocolors";

/** Colours by meaning. */
export interface Painter {
  readonly good: (text: string) => string;
  readonly warn: (text: string) => string;
  readonly bar: (text: string) => string;
}

/** Colours where the terminal shows them; plain text otherwise (pipes, NO_COLOR). */
export function painter(colours: boolean | undefined): Painter {
  const wanted = colours === true && picocolors.isColorSupported;
  const { green, yellow, cyan } = picocolors.createColors(wanted);
  return { good: green, warn: yellow, bar: cyan };
}
