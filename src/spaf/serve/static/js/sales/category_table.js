// One line a category: its colour, what it sells now, and its part of what the chart shows. It is
// the legend of the chart too: a press hides the category there.

import { column } from "../core/format.js";
import { shareText } from "../core/format.js";

// "Now" is the mean of so many seconds: a category that sells four a second must not flicker.
const NOW_WINDOW_S = 5;
// The order follows the sums, but a list that jumps cannot be read, ms.
const SORT_MS = 5_000;

export function mountCategoryTable(node, app) {
  const { el, t, put, svg } = app;
  const hidden = new Set();
  const lines = new Map(); // place -> its elements
  const nowHead = el("th", { scope: "col" });
  const sumHead = el("th", { scope: "col", class: "n" });
  const title = el("h3");
  const body = el("tbody");
  const toggled = [];
  let frame = null;
  let range = "1m";
  let at = null; // what the pointer is over in the chart
  let sortedAt = -Infinity;
  let highest = 0; // of the sums of this range so far: their unit only ever grows
  node.append(
    title,
    el("table", { class: "categories" }, el("thead", {}, el("tr", {},
      el("th", { scope: "col", "data-t": "categories.name", text: t("categories.name") }),
      nowHead, sumHead,
      el("th", { scope: "col", class: "n", "data-t": "categories.share", text: t("categories.share") }))), body),
  );
  app.state.palette.onInsert(moved);
  app.on("tick", () => app.frame(draw));
  app.on("snapshot", () => app.frame(draw));
  app.on("language", () => { sortedAt = -Infinity; app.frame(draw); });

  function draw() {
    if (!app.state.run) return;
    const { palette, arrivals } = app.state;
    const sums = frame ? frame.money.map(add) : [];
    const all = add(sums) || 1;
    highest = Math.max(highest, ...sums);
    const money = column(highest, app.state.currency, t);
    const counts = frame ? frame.count.map(add) : [];
    const places = [...palette.names.keys()];
    if (counts[palette.size - 1] || arrivals.ofPlace(palette.size - 1, NOW_WINDOW_S)) places.push(palette.size - 1);
    const values = new Map(places.map((place) => [place, value(place)]));
    const most = Math.max(1e-9, ...values.values());
    for (const place of places) {
      const line = lines.get(place) ?? make(place);
      const rate = values.get(place);
      put(line.rate, app.number(rate, rate < 100 ? 1 : 0));
      line.bar.setAttribute("width", ((rate / most) * 100).toFixed(1));
      put(line.sum, frame ? money.text(sums[place]) : "–");
      put(line.share, frame ? shareText(sums[place] / all, 1) : "–");
    }
    put(nowHead, at ? at.time : t("categories.now"));
    put(sumHead, money.unit);
    put(title, range ? t("categories.title", { range: t(`chart.range.${range}`) }) : t("categories.title.zoom"));
    if (frame) sort(places, sums);
  }

  // A new name has moved others on: what is hidden stays hidden, the lines are made anew.
  function moved(at) {
    const last = app.state.palette.size - 1;
    const before = [...hidden];
    hidden.clear();
    for (const place of before) if (place === last || place < at) hidden.add(place);
      else if (place + 1 < last) hidden.add(place + 1);
    lines.clear();
    body.replaceChildren();
    frame = null;
    sortedAt = -Infinity;
    for (const fn of toggled) fn();
  }

  function value(place) {
    if (at && frame) return frame.count[place][at.index] / frame.step;
    return app.state.arrivals.ofPlace(place, NOW_WINDOW_S);
  }

  function sort(places, sums) {
    if (performance.now() - sortedAt < SORT_MS) return;
    sortedAt = performance.now();
    const order = [...places].sort((a, b) => sums[b] - sums[a] || a - b).map((place) => lines.get(place).node);
    if (order.some((line, i) => body.children[i] !== line)) body.append(...order);
  }

  function make(place) {
    const { palette } = app.state;
    const name = place < palette.names.length ? app.visible(palette.names[place]) : t("categories.others");
    const colour = `var(${palette.property(place)})`;
    const swatch = el("i", { class: "swatch", "aria-hidden": "true" });
    swatch.style.setProperty("background", colour);
    const button = el("button", { type: "button", class: "toggle", "aria-pressed": "true", title: name, onclick: () => toggle(place) },
      swatch, el("bdi", { text: name }));
    const bar = svg("rect", { class: "rate-bar", x: 0, y: 0, height: 10, width: 0 });
    bar.style.setProperty("fill", colour);
    const rate = el("span", { class: "n" });
    const sum = el("td", { class: "n" });
    const share = el("td", { class: "n label" });
    const line = {
      button, bar, rate, sum, share,
      node: el("tr", { "data-test": "category" },
        el("th", { scope: "row" }, button),
        el("td", { class: "now" }, el("div", { class: "now-in" },
          svg("svg", { class: "rate-bars", viewBox: "0 0 100 10", preserveAspectRatio: "none", "aria-hidden": "true" }, bar), rate)),
        sum, share),
    };
    button.setAttribute("aria-pressed", String(!hidden.has(place)));
    line.node.classList.toggle("off", hidden.has(place));
    lines.set(place, line);
    body.append(line.node);
    return line;
  }

  function toggle(place) {
    if (!hidden.delete(place)) hidden.add(place);
    const { button, node: row } = lines.get(place);
    button.setAttribute("aria-pressed", String(!hidden.has(place)));
    row.classList.toggle("off", hidden.has(place));
    for (const fn of toggled) fn();
  }

  return {
    hidden,
    onToggle: (fn) => toggled.push(fn),
    show(next, of) {
      if (of !== range || !of) {
        sortedAt = -Infinity;
        highest = 0;
      }
      frame = next;
      range = of;
      app.frame(draw);
    },
    hover(where) {
      at = where;
      app.frame(draw);
    },
  };
}

const add = (values) => values.reduce((all, value) => all + value, 0);
