// The section Sales: what is sold now, today and over time, and the rows as they are written.

import { html } from "../../vendor/lit-html/lit-html.js";
import { t } from "../core/i18n.js";
import { panel } from "../core/ui.js";
import { CategoryTable } from "./category_table.js";
import { ChartPanel } from "./chart.js";
import { LatestRows } from "./latest_rows.js";
import { mountTotals } from "./totals.js";

/** Build the section. @param {HTMLElement} section */
export function mount(section) {
  panel(section, [], () => html`<h2 id="sales-title" class="hidden">${t("sales.title")}</h2>
    <div class="figures"></div>
    <div class="sales-body"><div class="panel chart-panel"></div><div class="panel categories-panel"></div><div
      class="panel latest-rows-panel"></div></div>`);
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (section.querySelector(name));
  mountTotals(part(".figures"));
  new LatestRows(part(".latest-rows-panel"));
  const categories = new CategoryTable(part(".categories-panel"), () => chart.redraw());
  const chart = new ChartPanel(part(".chart-panel"), categories);
}
