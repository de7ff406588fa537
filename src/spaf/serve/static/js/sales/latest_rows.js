// The latest rows of sales_summary as they are written: the numbers whose delay is measured on the screen.
//
// Rows are written by hand and not by lit-html: only the cells of changed rows are touched, in the frame after their
// arrival. They are boxes and not a <table>, where a changed number would lay out all of it; the roles tell a screen
// reader the same.

import { html, render } from "../../vendor/lit-html/lit-html.js";
import { frame, on } from "../core/events.js";
import { amount, number, time } from "../core/format.js";
import { t } from "../core/i18n.js";
import { PaintTiming } from "../core/paint_timing.js";
import { newestRows, palette } from "../core/state.js";
import { put } from "../core/ui.js";
import { escaped } from "../core/untrusted_text.js";

// A changed number is bright, then pale, then plain: two steps, because a fade would paint sixty times a second, ms.
const BRIGHT_MS = 180;
const PALE_MS = 500;
const FADE_CHECK_MS = 125;
const COLUMNS = ["time", "category", "currency", "sales", "units", "total"];
const NUMBERS = new Set(["sales", "units", "total"]);

/** @param {string} column */
const classOf = (column) => `latest-rows-${column}${NUMBERS.has(column) ? " n" : ""}`;

/** One row's element and cells. */
class RowView {
  constructor() {
    const place = document.createDocumentFragment();
    render(html`<div class="latest-row" role="row" data-test="row">${COLUMNS.map((column) =>
      html`<span role="cell" class=${classOf(column)}></span>`)}</div>`, place);
    this.node = /** @type {HTMLElement} */ (place.firstElementChild);
    const [time_, category, currency, sales, units, total] = /** @type {HTMLElement[]} */ ([...this.node.children]);
    this.cells = { time: time_, currency, sales, units, total };
    sales.dataset.test = "row-count";
    render(html`<i class="swatch" aria-hidden="true"></i><bdi></bdi>`, category);
    const [swatch, name] = /** @type {HTMLElement[]} */ ([...category.children]);
    this.swatch = swatch;
    this.name = name;
    /** @type {SalesRow | null} */
    this.row = null;
  }

  /** Begin to show another row: its names; its numbers are written after it. @param {SalesRow} row */
  begin(row) {
    this.row = null;
    this.node.dataset.key = row.key;
    this.cells.sales.classList.remove("bright", "pale");
    put(this.name, escaped(row.category));
    this.name.title = escaped(row.category);
    put(this.cells.currency, escaped(row.currency));
    this.tint(row);
  }

  /** @param {SalesRow} row */
  tint(row) {
    this.swatch.style.setProperty("background", `var(${palette.property(palette.place(row.category))})`);
  }

  /** Write the numbers of a row; return whether its count differs from the one that was shown. @param {SalesRow} row */
  write(row) {
    const differs = this.row?.count !== row.count;
    this.row = row;
    put(this.cells.time, time(row.second * 1_000));
    put(this.cells.sales, number(row.count));
    put(this.cells.units, number(row.units));
    put(this.cells.total, amount(row.cents));
    return differs;
  }
}

/** The panel. */
export class LatestRows {
  /** @param {HTMLElement} node */
  constructor(node) {
    /** @type {Map<string, RowView>} */
    this.shown = new Map();
    /** @type {Map<string, SalesRow>} rows that arrived since the last frame */
    this.changed = new Map();
    /** @type {Map<HTMLElement, number>} when the number of each bright or pale cell changed */
    this.glowing = new Map();
    this.timing = new PaintTiming();
    // Rows have appeared or gone.
    this.stale = false;
    renderFrame(node);
    this.body = /** @type {HTMLElement} */ (node.querySelector(".latest-rows-body"));
    this.#listen(node);
  }

  /** @param {HTMLElement} node */
  #listen(node) {
    palette.onInsert(() => {
      for (const view of this.shown.values()) if (view.row) view.tint(view.row);
    });
    on("snapshot", () => {
      this.changed.clear();
      this.#rearrange();
    });
    on("rows", ({ changed }) => {
      for (const row of changed) {
        this.changed.set(row.key, row);
        if (row.count === 0 || !this.shown.has(row.key)) this.stale = true;
      }
      // A hidden page gets no frames, and what waits would grow by the hour. Everything is drawn anew later.
      if (document.hidden) this.changed.clear();
      this.stale ||= document.hidden;
      frame(this.draw);
    });
    on("tick", () => this.#rearrange());
    on("language", () => {
      renderFrame(node);
      for (const view of this.shown.values()) if (view.row) view.write(view.row);
    });
    document.addEventListener("visibilitychange", () => frame(this.draw));
    setInterval(() => this.glowing.size && frame(this.fade), FADE_CHECK_MS);
  }

  #rearrange() {
    this.stale = true;
    frame(this.draw);
  }

  draw = () => {
    const at = performance.now();
    /** @type {SalesRow[]} */
    const painted = [];
    const arrived = [...this.changed.values()];
    if (this.stale) this.#arrange(at, painted);
    for (const row of arrived) {
      const view = this.shown.get(row.key);
      if (!view || view.row === row) continue;
      this.#write(view, row, at);
      painted.push(row);
    }
    this.changed.clear();
    if (painted.length) this.timing.frame(painted, arrived);
  };

  /** Put the rows into the list, in order; only what differs is touched. @param {number} at @param {SalesRow[]} painted */
  #arrange(at, painted) {
    this.stale = false;
    const rows = newestRows();
    const gone = new Map(this.shown);
    for (const { key } of rows) gone.delete(key);
    for (const key of gone.keys()) this.shown.delete(key);
    const spare = [...gone.values()];
    let place = this.body.firstElementChild;
    let second = 0;
    for (const row of rows) {
      const view = this.shown.get(row.key) ?? this.#begin(row, spare);
      if (place === view.node) place = place.nextElementSibling;
      else this.body.insertBefore(view.node, place);
      view.node.classList.toggle("first", row.second !== second);
      second = row.second;
      if (view.row === row) continue;
      this.#write(view, row, this.changed.has(row.key) ? at : null);
      painted.push(row);
    }
    for (const view of spare) view.node.remove();
  }

  /** @param {SalesRow} row @param {RowView[]} spare */
  #begin(row, spare) {
    const view = spare.pop() ?? new RowView();
    this.glowing.delete(view.cells.sales);
    this.shown.set(row.key, view);
    view.begin(row);
    return view;
  }

  /** @param {RowView} view @param {SalesRow} row @param {number | null} at when it arrived, if it just did */
  #write(view, row, at) {
    if (!view.write(row) || at === null) return;
    const cell = view.cells.sales;
    cell.classList.remove("pale");
    cell.classList.add("bright");
    this.glowing.set(cell, at);
  }

  fade = () => {
    const now = performance.now();
    for (const [cell, since] of this.glowing) {
      if (now - since > PALE_MS) {
        cell.classList.remove("pale");
        this.glowing.delete(cell);
      } else if (now - since > BRIGHT_MS) {
        cell.classList.replace("bright", "pale");
      }
    }
  };
}

/** Draw what stands around the rows. @param {HTMLElement} node */
function renderFrame(node) {
  render(html`<h3 id="latest-rows-title"><span>${t("rows.title")}</span> <code>sales_summary</code></h3>
    <div class="latest-rows-scroll" tabindex="0" role="region" aria-labelledby="latest-rows-title"><div class="latest-rows" role="table"
      aria-labelledby="latest-rows-title"><div role="rowgroup" class="latest-rows-top"><div role="row" class="latest-row latest-rows-head">${
      COLUMNS.map((column) => html`<span role="columnheader" class=${classOf(column)}>${t(`rows.${column}`)}</span>`)
    }</div></div><div role="rowgroup" class="latest-rows-body"></div></div></div>`, node);
}
