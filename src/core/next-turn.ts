/** Lets whatever waits have its turn: messages, timers, a signal. In Node and in pages. */
export function nextTurn(): Promise<void> {
  const { setImmediate: soon } = globalThis as {
    readonly setImmediate?: (done: () => void) => void;
  };
  return new Promise((done) => {
    if (soon === undefined) setTimeout(done, 0);
    else soon(done);
  });
}
