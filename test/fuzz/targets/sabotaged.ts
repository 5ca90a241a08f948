import { InputError, InternalError } from "../../../src/core/errors.ts";
import type { FuzzTarget } from "../target.ts";

const held: Buffer[] = [];

/** A reader with every kind of fault, each at some inputs by their first byte. */
export const sabotaged: FuzzTarget = {
  name: "sabotaged",
  open: () => {
    return {
      input: (random) => ({ bytes: Uint8Array.of(random.integer(7), 9, 9, 9), seed: 0 }),
      read: ({ bytes }) => {
        switch (bytes[0]) {
          case 1:
            throw new TypeError("of undefined");
          case 2:
            throw new InternalError({ code: "fuzz/internal", message: "internal" });
          case 3:
            for (;;);
          case 4:
            process.kill(process.pid, "SIGSEGV");
            return;
          case 5:
            for (let at = 0; at < 5; at += 1) held.push(Buffer.alloc(2 ** 26, 1));
            return;
          case 6:
            setTimeout(() => {
              throw new Error("nobody waited for this");
            }, 0);
            return new Promise((resolve) => setTimeout(resolve, 20));
          default:
            throw new InputError({ code: "fuzz/refused", message: "refused as it should be" });
        }
      },
    };
  },
};
