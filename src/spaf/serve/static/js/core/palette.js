// The colour of each category. It follows the names alone, not the order of arrival, so every browser shows
// the same: first the shop's own categories in the order of its catalogue, then all others by name. Ten have
// a place of their own; the rest share the last one, grey: "others".

import { CATEGORIES } from "./catalogue.js";

export const PLACES = 10;
const OTHERS = PLACES;

/** Make a palette without a name. */
export function createPalette() {
  /** @type {Map<string, number>} */
  const places = new Map();
  /** @type {string[]} by place */
  const names = [];
  /** @type {(() => void)[]} */
  const listeners = [];

  /** Give a new name its place; the names after it move on by one. @param {string} category */
  function add(category) {
    if (places.has(category)) return;
    const next = names.findIndex((name) => isBefore(category, name));
    const at = next < 0 ? names.length : next;
    if (at >= PLACES) return;
    names.splice(at, 0, category);
    names.length = Math.min(names.length, PLACES);
    places.clear();
    names.forEach((name, place) => places.set(name, place));
    for (const listener of listeners) listener();
  }

  return {
    add,
    names,
    size: PLACES + 1,
    /** @param {string[]} categories */
    addAll: (categories) => categories.forEach(add),
    /** Hear of each name that comes in. @param {() => void} listener */
    onInsert: (listener) => listeners.push(listener),
    /** @param {string} category */
    place: (category) => places.get(category) ?? OTHERS,
    /** Return the custom property of the sheet that holds the colour. @param {number} place */
    property: (place) => (place === OTHERS ? "--c-others" : `--c${place}`),
  };
}

/** @param {string} a @param {string} b */
function isBefore(a, b) {
  const [i, j] = [CATEGORIES.indexOf(a), CATEGORIES.indexOf(b)];
  if (i >= 0 || j >= 0) return j < 0 || (i >= 0 && i < j);
  return a < b;
}
