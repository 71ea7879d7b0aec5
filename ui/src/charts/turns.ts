// When charts are drawn: each once it comes in sight, one after the other, so that keys and clicks get their turn between.

let last: Promise<unknown> = Promise.resolve();

/** Runs `work` after what was given before; the browser may paint and answer in between. */
function inTurn(work: () => void) {
  last = last.then(
    () =>
      new Promise<void>((resolve) => {
        setTimeout(() => {
          try {
            work();
          } finally {
            resolve();
          }
        });
      }),
  );
}

/** Hands `part` to `draw` once `element` is in sight, or nearly; gives what calls it off. */
export function whenSeen<T>(element: Element, part: Promise<T>, draw: (part: T) => void): () => void {
  let gone = false;
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      void part.then((loaded) => {
        inTurn(() => {
          if (!gone) draw(loaded);
        });
      });
    },
    { rootMargin: '25%' },
  );
  observer.observe(element);
  return () => {
    gone = true;
    observer.disconnect();
  };
}
