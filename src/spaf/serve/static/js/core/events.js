// Events between the stream and the panels, and one animation frame for all that is drawn. An error of a listener or
// of a drawing goes to the console, and the others go on.

const target = new EventTarget();
/** @type {Map<string, any>} */
const newest = new Map();
/** @type {Set<() => void>} */
const waiting = new Set();

/** Call every listener of a kind. @template {keyof Events} K @param {K} kind @param {Events[K]} data */
export function emit(kind, data) {
  newest.set(kind, data);
  target.dispatchEvent(new CustomEvent(kind, { detail: data }));
}

/**
 * Listen to a kind of event. A listener that comes after the snapshot is called with it soon.
 *
 * @template {keyof Events} K
 * @param {K} kind
 * @param {(data: Events[K]) => void} listener
 */
export function on(kind, listener) {
  target.addEventListener(kind, (event) => listener(/** @type {CustomEvent} */ (event).detail));
  if (kind === "snapshot" && newest.has(kind)) queueMicrotask(() => listener(newest.get(kind)));
}

/**
 * Return the data of the newest event of a kind, or null.
 *
 * @template {keyof Events} K
 * @param {K} kind
 * @returns {Events[K] | null}
 */
export function latest(kind) {
  return newest.get(kind) ?? null;
}

/** Run a function in the next animation frame, once however often it is asked for. @param {() => void} draw */
export function frame(draw) {
  if (waiting.has(draw)) return;
  waiting.add(draw);
  requestAnimationFrame(() => {
    waiting.delete(draw);
    draw();
  });
}
