// One line a category: its colour, what it sells now, and its share of what the chart shows. It is also the legend of
// the chart: a press hides the category there.

import { html, nothing, svg } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";
import { moneyColumn, rate, shareText } from "../core/format.js";
import { t } from "../core/i18n.js";
import { arrivals, baseCurrency, currentRun, palette } from "../core/state.js";
import { panel } from "../core/ui.js";
import { escaped } from "../core/untrusted_text.js";
import { add } from "./chart_data.js";

// "Now" is the mean of these last seconds, so that a category with four sales a second does not flicker.
const NOW_WINDOW_S = 5;
// The order follows the sums, but a list that jumps cannot be read, ms.
const SORT_MS = 5_000;
const OTHERS = palette.size - 1;

/** The table, and which categories it hides. */
export class CategoryTable {
  /** @param {HTMLElement} node @param {() => void} changed is called when the chart has to be drawn again */
  constructor(node, changed) {
    this.changed = changed;
    /** @type {Set<string | undefined>} the hidden names; undefined for the others */
    this.hidden = new Set();
    /** @type {ChartFrame | null} */
    this.frame = null;
    /** @type {string | null} */
    this.range = "1m";
    /** @type {{ index: number, time: string } | null} what the pointer is over in the chart */
    this.hovered = null;
    /** @type {number[]} places in the order of the list */
    this.order = [];
    this.sortedAt = -Infinity;
    // Of the sums of this range so far: their unit only ever grows.
    this.highest = 0;
    palette.onInsert(() => {
      this.frame = null;
      this.sortedAt = -Infinity;
      changed();
    });
    this.redraw = panel(node, ["tick", "snapshot"], () => this.#template());
  }

  /** Return whether a category is hidden in the chart. @param {number} place */
  isHidden = (place) => this.hidden.has(palette.names[place]);

  /** Take over what the chart shows. @param {ChartFrame} frame @param {string | null} range null for a selected period */
  show(frame, range) {
    if (range !== this.range || !range) {
      this.sortedAt = -Infinity;
      this.highest = 0;
    }
    this.frame = frame;
    this.range = range;
    this.redraw();
  }

  /** Show the values of a bucket of the chart, or those of now. @param {{ index: number, time: string } | null} where */
  hover(where) {
    this.hovered = where;
    this.redraw();
  }

  #template() {
    const now = arrivals.byPlace(palette.place, NOW_WINDOW_S);
    // Every name has a line, and the others if they sell.
    const others = now[OTHERS] || (this.frame && add(this.frame.count[OTHERS])) ? [OTHERS] : [];
    const places = currentRun() ? [...palette.names.keys(), ...others] : [];
    const sums = this.frame ? this.frame.money.map(add) : [];
    this.highest = Math.max(this.highest, ...sums);
    const column = moneyColumn(this.highest, baseCurrency());
    this.#sort(places, sums);
    const { frame, hovered } = this;
    const rates = frame && hovered ? frame.count.map((counts) => counts[hovered.index] / frame.step) : now;
    const most = Math.max(1e-9, ...rates);
    const all = add(sums) || 1;
    return html`<h3>${this.range ? t("categories.title", { range: t(`chart.range.${this.range}`) }) : t("categories.title.zoom")}</h3>
      <table class="categories"><thead><tr><th scope="col">${t("categories.name")}</th><th scope="col">${
        this.hovered ? this.hovered.time : t("categories.now")}</th><th scope="col" class="n">${column.unit}</th><th
        scope="col" class="n">${t("categories.share")}</th></tr></thead>
      <tbody>${repeat(this.order, (place) => place, (place) => this.#line(place, rates[place], most,
        this.frame ? [column.text(sums[place]), shareText(sums[place] / all, 1)] : ["–", "–"]))}</tbody></table>`;
  }

  /** @param {number[]} places @param {number[]} sums */
  #sort(places, sums) {
    const kept = this.order.filter((place) => places.includes(place));
    this.order = [...kept, ...places.filter((place) => !kept.includes(place))];
    if (!this.frame || performance.now() - this.sortedAt < SORT_MS) return;
    this.sortedAt = performance.now();
    this.order.sort((a, b) => sums[b] - sums[a] || a - b);
  }

  /** @param {number} place @param {number} value @param {number} most @param {string[]} shown sum and share */
  #line(place, value, most, [sum, share]) {
    const name = place < palette.names.length ? escaped(palette.names[place]) : t("categories.others");
    const colour = `var(${palette.property(place)})`;
    const isHidden = this.isHidden(place);
    return html`<tr data-test="category" class=${isHidden ? "off" : nothing}><th scope="row"><button type="button" class="toggle"
        aria-pressed=${!isHidden} title=${name} @click=${() => this.#toggle(place)}><i class="swatch" aria-hidden="true"
        .style=${`background: ${colour}`}></i><bdi>${name}</bdi></button></th>
      <td class="now"><div class="now-in"><svg class="rate-bars" viewBox="0 0 100 10" preserveAspectRatio="none"
        aria-hidden="true">${svg`<rect class="rate-bar" x="0" y="0" height="10" width=${((value / most) * 100).toFixed(1)}
        .style=${`fill: ${colour}`}></rect>`}</svg><span class="n">${rate(value)}</span></div></td>
      <td class="n">${sum}</td><td class="n label">${share}</td></tr>`;
  }

  /** @param {number} place */
  #toggle(place) {
    const name = palette.names[place];
    if (!this.hidden.delete(name)) this.hidden.add(name);
    this.redraw();
    this.changed();
  }
}
