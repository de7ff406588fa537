// The newest rows of sales_summary, as they are written: the numbers that are measured on screen.
//
// Not a <table>: a number that changes in one would lay out all of it. Here each row has its size
// from the sheet, so a change stays within its row; the roles tell a screen reader the same.

import { amount } from "../core/format.js";
import { createPaintTiming } from "./paint_timing.js";

// The rows of the last seconds are always shown; beyond that, enough to fill the panel.
const MIN_SPAN_S = 3;
const MIN_ROWS = 24;
const MAX_SHOWN_ROWS = 160;
// A changed number is bright, then pale, then plain: two steps instead of a fade, because a fade
// would paint sixty times a second for nothing, ms.
const BRIGHT_MS = 180;
const PALE_MS = 500;
const COLUMNS = ["time", "category", "currency", "sales", "units", "total"];

export function mountLatestRows(node, app) {
  const { el, t, put } = app;
  const body = el("div", { role: "rowgroup" });
  const head = el("div", { role: "row", class: "tape-row tape-head" }, COLUMNS.map((name) => el("span", {
    role: "columnheader", class: `tape-${name}${["sales", "units", "total"].includes(name) ? " n" : ""}`,
    "data-t": `rows.${name}`, text: t(`rows.${name}`),
  })));
  const scroll = el("div", { class: "tape-scroll", tabindex: "0", role: "region", "aria-labelledby": "tape-title" },
    el("div", { class: "tape", role: "table", "aria-labelledby": "tape-title" },
      el("div", { role: "rowgroup", class: "tape-top" }, head), body));
  node.append(
    el("h3", { id: "tape-title" }, el("span", { "data-t": "rows.title", text: t("rows.title") }),
      " ", el("code", { text: "sales_summary" })),
    scroll,
  );

  const shown = new Map(); // key -> the row's element and cells
  const changed = new Map(); // key -> row, since the last frame
  const glowing = new Map(); // cell -> when it changed
  const paint = createPaintTiming(app);
  let fresh = false; // rows have appeared or gone

  app.state.palette.onInsert(() => {
    for (const line of shown.values()) if (line.row) tint(line, line.row);
  });
  app.on("snapshot", () => {
    changed.clear();
    fresh = true;
    app.frame(draw);
  });
  app.on("rows", (data) => {
    // Nobody looks, and no frame comes: what waits would grow by the hour. All is drawn anew later.
    if (document.hidden) {
      fresh = true;
      changed.clear();
      return;
    }
    for (const row of data.changed) {
      changed.set(row.key, row);
      if (row.count === 0 || !shown.has(row.key)) fresh = true;
    }
    app.frame(draw);
  });
  app.on("tick", () => {
    fresh = true;
    app.frame(draw);
  });
  app.on("language", () => {
    for (const line of shown.values()) write(line, line.row, null);
  });
  document.addEventListener("visibilitychange", () => app.frame(draw));
  setInterval(() => glowing.size && app.frame(cool), 125);

  function draw() {
    const at = performance.now();
    const painted = []; // every row whose shown numbers differ from the frame before
    const news = [...changed.values()]; // those of them that arrived just now
    if (fresh) arrange(at, painted);
    for (const row of changed.values()) {
      const line = shown.get(row.key);
      if (!line || line.row === row) continue;
      write(line, row, at);
      painted.push(row);
    }
    changed.clear();
    if (painted.length) paint.frame(painted, news);
  }

  // Put the rows that belong on the list into it, in order, touching only what differs.
  function arrange(at, painted) {
    fresh = false;
    const wanted = app.state.newestRows(MIN_SPAN_S, MIN_ROWS, MAX_SHOWN_ROWS);
    const keys = new Set(wanted.map((row) => row.key));
    const spare = [];
    for (const [key, line] of shown) {
      if (keys.has(key)) continue;
      shown.delete(key);
      spare.push(line);
    }
    let place = body.firstElementChild;
    let second = null;
    for (const row of wanted) {
      let line = shown.get(row.key);
      const isNew = !line;
      if (isNew) {
        line = spare.pop() ?? make();
        shown.set(row.key, line);
        name(line, row);
      }
      if (place === line.node) place = place.nextElementSibling;
      else body.insertBefore(line.node, place);
      line.node.classList.toggle("first", row.second !== second);
      second = row.second;
      if (isNew || line.row !== row) {
        write(line, row, changed.has(row.key) ? at : null);
        painted.push(row);
      }
    }
    for (const line of spare) line.node.remove();
  }

  function make() {
    const cells = Object.fromEntries(COLUMNS.map((column) => [column, el("span", { role: "cell", class: `tape-${column}` })]));
    for (const column of ["sales", "units", "total"]) cells[column].classList.add("n");
    cells.sales.dataset.test = "row-count";
    const swatch = el("i", { class: "swatch", "aria-hidden": "true" });
    const category = el("bdi");
    cells.category.append(swatch, category);
    const node = el("div", { role: "row", class: "tape-row", "data-test": "row" }, Object.values(cells));
    return { node, cells, swatch, category, row: null };
  }

  function name(line, row) {
    line.row = null;
    line.node.dataset.key = row.key;
    for (const cell of Object.values(line.cells)) {
      cell.classList.remove("bright", "pale");
      glowing.delete(cell);
    }
    put(line.category, app.visible(row.category));
    line.category.title = app.visible(row.category);
    put(line.cells.currency, app.visible(row.currency));
    tint(line, row);
  }

  function tint(line, row) {
    const { palette } = app.state;
    line.swatch.style.setProperty("background", `var(${palette.property(palette.place(row.category))})`);
  }

  function write(line, row, at) {
    const before = line.row;
    line.row = row;
    put(line.cells.time, app.time(row.second * 1_000));
    set(line.cells.sales, app.number(row.count), at, before?.count !== row.count);
    set(line.cells.units, app.number(row.units), at, false);
    set(line.cells.total, amount(row.cents), at, false);
  }

  function set(cell, text, at, differs) {
    put(cell, text);
    if (at === null || !differs) return;
    cell.classList.remove("pale");
    cell.classList.add("bright");
    glowing.set(cell, at);
  }

  function cool() {
    const now = performance.now();
    for (const [cell, since] of glowing) {
      if (now - since > PALE_MS) {
        cell.classList.remove("pale");
        glowing.delete(cell);
      } else if (now - since > BRIGHT_MS) {
        cell.classList.replace("bright", "pale");
      }
    }
  }
}
