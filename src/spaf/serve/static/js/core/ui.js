// What the panels share: words that follow the language, marks, bars, lists for the arrow keys.

import { keyOfMessage } from "./i18n.js";
import { escaped } from "./untrusted_text.js";

const SVG = "http://www.w3.org/2000/svg";
// One shape a kind in a box of 12 by 12, so that no kind is told by colour alone.
const SHAPES = {
  high_price: "M6 1 11.5 11H.5Z",
  price_x10: "M6 1 11.5 11H.5Z",
  price_x100: "M6 0 10.5 6H1.5ZM6 5.5 11.5 12H.5Z",
  low_price: "M6 11 .5 1h11Z",
  price_div10: "M6 11 .5 1h11Z",
  bulk_quantity: "M0 7h5v5H0ZM7 7h5v5H7ZM3.5 0h5v5h-5Z",
  surge: "M0 9h3v3H0ZM4.5 5h3v7h-3ZM9 0h3v12H9Z",
  drought: "M0 0h3v12H0ZM4.5 10.5h3V12h-3ZM9 10.5h3V12H9Z",
  customer_burst: "M0 4.5h3v3H0ZM4.5 0h3v12h-3ZM9 4.5h3v3H9Z",
  level_shift: "M0 9h6.5V3H12v2.2H8.7v6H0Z",
};
const OTHER_SHAPE = "M6 .5 11.5 6 6 11.5.5 6Z";

// Return the mark of a kind of anomaly: a small shape in the colour of the text around.
export function mark(kind) {
  const svg = document.createElementNS(SVG, "svg");
  for (const [name, value] of Object.entries({
    viewBox: "0 0 12 12", width: "12", height: "12", class: "mark", "aria-hidden": "true",
  })) svg.setAttribute(name, value);
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", SHAPES[kind] ?? OTHER_SHAPE);
  svg.append(path);
  return svg;
}

// Return the words of a kind of anomaly; one that nobody has named yet keeps its own name.
export function kindName(app, kind) {
  return known(app, `kind.${kind}`, kind);
}

// Return the words of a key, or the fallback where there are none.
export function known(app, key, fallback) {
  const words = app.t(key);
  return words === key || !words ? escaped(String(fallback)) : words;
}

// Let an element say a word of the page's language, now and after a change.
export function say(app, node, key, vars) {
  const set = () => { node.textContent = app.t(key, vars?.()); };
  set();
  app.on("language", set);
  return node;
}

// Let an attribute say a word of the page's language, now and after a change.
export function sayIn(app, node, attribute, key) {
  const set = () => node.setAttribute(attribute, app.t(key));
  set();
  app.on("language", set);
  return node;
}

// Call `fn` with the newest of a kind, now, as it changes, and when the language does.
export function latest(app, kind, fn) {
  let newest = app.get(kind) ?? app.get("snapshot")?.[kind] ?? null;
  const take = (data) => {
    newest = data ?? null;
    fn(newest);
  };
  app.on(kind, take);
  app.on("snapshot", (data) => take(data[kind]));
  app.on("language", () => fn(newest));
  fn(newest);
}

// Return the heading that names a section.
export function heading(app, section, key, ...rest) {
  const title = say(app, app.el("h2", { id: `${section.id}-title` }), key);
  return app.el("div", { class: "section-head" }, title, ...rest);
}

// Return the time of a moment, with its date where it is not today's.
export function when(app, ms) {
  const today = new Date(ms).toDateString() === new Date().toDateString();
  return app.el("time", { datetime: new Date(ms).toISOString(), title: app.dateTime(ms),
    text: today ? app.time(ms) : app.dateTime(ms) });
}

// Make a list one stop of the Tab key, with the arrow keys leading from row to row.
//
// `selector` finds what of a row takes the focus. Rows come and go: the returned function is to be
// called after each change.
export function arrows(list, selector) {
  let current = null;
  const point = (row) => {
    if (current) current.tabIndex = -1;
    current = row;
    if (row) row.tabIndex = 0;
  };
  list.addEventListener("focusin", ({ target }) => target.matches(selector) && point(target));
  list.addEventListener("keydown", (event) => {
    const rows = [...list.querySelectorAll(selector)];
    const at = rows.indexOf(document.activeElement);
    const to = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: rows.length - 1,
      PageDown: at + 10, PageUp: at - 10 }[event.key];
    if (to === undefined || at < 0) return;
    event.preventDefault();
    const row = rows[Math.max(0, Math.min(rows.length - 1, to))];
    row.focus({ preventScroll: true });
    row.scrollIntoView({ block: "nearest" });
  });
  return () => {
    for (const row of list.querySelectorAll(selector)) {
      if (row !== current && row.tabIndex !== -1) row.tabIndex = -1;
    }
    if (!current?.isConnected) point(list.querySelector(selector));
  };
}

// Run `fn` when the section comes near the screen, and tell it when it leaves.
export function whenSeen(section, fn) {
  new IntersectionObserver((entries) => fn(entries.at(-1).isIntersecting), {
    rootMargin: "120px",
  }).observe(section);
}

// Return a thin bar; `share` is 0 to 1.
export function bar(app, share, extra = "") {
  const shell = app.el("span", { class: `bar ${extra}`, "aria-hidden": "true" },
    app.el("span", { class: "bar-fill" }));
  fill(shell, share);
  return shell;
}

// Set the share of a bar; one that is not zero is seen.
export function fill(shell, share) {
  const width = share > 0 ? Math.max(share * 100, 0.75) : 0;
  shell.firstChild.style.setProperty("inline-size", `${width}%`);
}

// Return whether what an element shows is not what it showed the last time.
export function changed(node, data) {
  const text = JSON.stringify(data);
  const other = node.drawn !== text;
  node.drawn = text;
  return other;
}

// Return what an error says, and what is to be done, in the page's language where that is known.
export function sentence(app, error) {
  if (!error?.message) return app.t("panel.no_answer");
  if (error.parameter) return wrong(app, error.parameter);
  return [error.message, error.todo].filter(Boolean).map((said) => told(app, said)).join(" ");
}

// Return what a parameter of a question must be; one without words of its own is named.
function wrong(app, parameter) {
  const name = escaped(String(parameter));
  return known(app, `panel.wrong.${name}`, "") || app.t("panel.wrong", { name });
}

// Return the words for a list without a reason: only where every record was accepted may they say
// so; others are still being explained.
export function keptOrExplained(app, accounts, allKept) {
  const { late = 0, rejected = 0 } = accounts ?? {};
  const n = late + rejected;
  if (!n) return app.t(accounts ? allKept : "record.loading");
  const { waiting } = accounts.quarantine ?? {};
  // All are told, and none of them is kept.
  if (waiting === 0) return app.t("quarantine.none_of_reason");
  return app.t("accounts.being_explained", { n: app.number(waiting ?? n) });
}

// Return a sentence of the server; those that it says often have words of their own here.
export function told(app, said) {
  const key = keyOfMessage("server.", said);
  return key ? app.t(key) : escaped(String(said));
}
