// Which colour a category has: the same in the chart, the bars and the rows, and the same in every
// browser, because it follows the names alone and not when they came. The shop's own categories come
// first, in the order of its catalogue, all others after them, by name. Ten places; what comes after
// shares the last, grey one: "others".

import { CATEGORIES } from "./catalogue.js";

export const PLACES = 10;
const OTHERS = PLACES;

export function createPalette() {
  const places = new Map();
  const names = []; // by place
  const told = [];

  // A name that was not there yet may move those after it on by a place; `onInsert` tells.
  function meet(category) {
    if (places.has(category)) return;
    const found = names.findIndex((name) => isBefore(category, name));
    const at = found < 0 ? names.length : found;
    if (at >= PLACES) return;
    names.splice(at, 0, category);
    names.length = Math.min(names.length, PLACES);
    places.clear();
    names.forEach((name, place) => places.set(name, place));
    for (const fn of told) fn(at);
  }

  return {
    meet,
    know: (categories) => categories.forEach(meet),
    onInsert: (fn) => told.push(fn),
    names,
    size: PLACES + 1,
    place: (category) => places.get(category) ?? OTHERS,
    // The custom property of the sheet that holds the colour.
    property: (place) => (place === OTHERS ? "--c-others" : `--c${place}`),
  };
}

// Return a list of something by place after a name came in; what fell off goes to the others.
export function shifted(list, at, fresh, merge) {
  const others = list.at(-1);
  const moved = [...list.slice(0, at), fresh, ...list.slice(at, -1)];
  return [...moved.slice(0, -1), merge(others, moved.at(-1))];
}

function isBefore(a, b) {
  const [i, j] = [CATEGORIES.indexOf(a), CATEGORIES.indexOf(b)];
  if (i >= 0 || j >= 0) return j < 0 || (i >= 0 && i < j);
  return a < b;
}
