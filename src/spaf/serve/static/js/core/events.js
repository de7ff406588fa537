// Events between the stream and the panels, and one animation frame for all that is drawn.

/** @type {Map<string, Set<(data: any) => void>>} */
const listeners = new Map();
/** @type {Map<string, any>} */
const newest = new Map();
/** @type {Set<() => void>} */
const waiting = new Set();
let requested = false;

/** Call every listener of a kind. @template {keyof Events} K @param {K} kind @param {Events[K]} data */
export function emit(kind, data) {
  newest.set(kind, data);
  for (const listener of listeners.get(kind) ?? []) guarded(listener, data);
}

/**
 * Listen to a kind of event. A listener that comes after the snapshot is called with it soon.
 *
 * @template {keyof Events} K
 * @param {K} kind
 * @param {(data: Events[K]) => void} listener
 */
export function on(kind, listener) {
  const others = listeners.get(kind) ?? new Set();
  listeners.set(kind, others.add(listener));
  if (kind === "snapshot" && newest.has(kind)) queueMicrotask(() => guarded(listener, newest.get(kind)));
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
  waiting.add(draw);
  if (requested) return;
  requested = true;
  requestAnimationFrame(() => {
    requested = false;
    const draws = [...waiting];
    waiting.clear();
    for (const each of draws) guarded(each, undefined);
  });
}

/**
 * Call a function; its error goes to the console, and the other panels go on.
 *
 * @param {(data: any) => void} listener
 * @param {unknown} data
 */
function guarded(listener, data) {
  try {
    listener(data);
  } catch (error) {
    console.error(error);
  }
}
