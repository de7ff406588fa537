// Which colour a category has: the same in the chart, the bars and the rows, for as long as the
// page is open. Ten places; what comes after shares the last, grey one: "others".

export const PLACES = 10;
const OTHERS = PLACES;

export function createPalette() {
  const places = new Map();
  const names = [];

  function meet(category) {
    if (places.has(category) || names.length >= PLACES) return;
    places.set(category, names.length);
    names.push(category);
  }

  return {
    meet,
    know: (categories) => categories.forEach(meet),
    names,
    size: PLACES + 1,
    place: (category) => places.get(category) ?? OTHERS,
    // The custom property of the sheet that holds the colour.
    property: (place) => (place === OTHERS ? "--c-others" : `--c${place}`),
  };
}
