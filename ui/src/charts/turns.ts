// When charts are drawn: one after the other, so that keys and clicks get their turn between; large ones once they are seen.

let last: Promise<unknown> = Promise.resolve();

/** Hands `part` to `draw` after what was to be drawn before; the browser may paint and answer in between. Gives what calls it off. */
export function inTurn<T>(part: Promise<T>, draw: (part: T) => void): () => void {
  let gone = false;
  void part.then((loaded) => {
    last = last.then(
      () =>
        new Promise<void>((resolve) => {
          setTimeout(() => {
            try {
              if (!gone) draw(loaded);
            } finally {
              resolve();
            }
          });
        }),
    );
  });
  return () => {
    gone = true;
  };
}

/** The same once `element` is in sight, or nearly. */
export function whenSeen<T>(element: Element, part: Promise<T>, draw: (part: T) => void): () => void {
  let forget: (() => void) | undefined;
  const observer = new IntersectionObserver(
    (entries) => {
      if (!entries.some(({ isIntersecting }) => isIntersecting)) return;
      observer.disconnect();
      forget = inTurn(part, draw);
    },
    { rootMargin: '25%' },
  );
  observer.observe(element);
  return () => {
    observer.disconnect();
    forget?.();
  };
}
