// The colour of each category. It follows the names alone, not the order of arrival, so every browser shows
// the same: first the shop's own categories in the order of its catalogue, then all others by name. Ten have
// a place of their own; the rest share the last one, grey: "others".

// Categories of the simulated shop, in the order of its catalogue. A test compares them with the catalogue.
export const CATEGORIES = [
  "electronics", "clothing", "groceries", "home", "beauty", "books", "sports", "toys",
  "appliances", "automotive",
];
export const PLACES = 10;
const OTHERS = PLACES;

/** Make a palette without a name. */
export function createPalette() {
  /** @type {string[]} by place */
  const names = [];
  /** @type {(() => void)[]} */
  const listeners = [];

  /** Give a new name its place; the names after it move on by one. @param {string} category */
  function add(category) {
    if (names.includes(category)) return;
    const rank = (/** @type {string} */ name) => (CATEGORIES.includes(name) ? CATEGORIES.indexOf(name) : CATEGORIES.length);
    const next = names.findIndex((name) =>
      rank(category) < rank(name) || (rank(category) === rank(name) && category < name));
    const at = next < 0 ? names.length : next;
    if (at >= PLACES) return;
    names.splice(at, 0, category);
    names.length = Math.min(names.length, PLACES);
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
    place: (category) => (names.includes(category) ? names.indexOf(category) : OTHERS),
    /** Return the custom property of the sheet that holds the colour. @param {number} place */
    property: (place) => (place === OTHERS ? "--c-others" : `--c${place}`),
  };
}
