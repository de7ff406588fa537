// The section Sales: what is sold now, today and over time, and the rows as they are written.

import { html, render } from "../../vendor/lit-html/lit-html.js";
import { on } from "../core/events.js";
import { t } from "../core/i18n.js";
import { CategoryTable } from "./category_table.js";
import { ChartPanel } from "./chart.js";
import { LatestRows } from "./latest_rows.js";
import { mountTotals } from "./totals.js";

/** Build the section. @param {HTMLElement} section */
export function mount(section) {
  const draw = () => render(html`<h2 id="sales-title" class="hidden">${t("sales.title")}</h2>
    <div class="figures"></div>
    <div class="sales-body"><div class="panel chart-panel"></div><div class="panel categories-panel"></div><div
      class="panel latest-rows-panel"></div></div>`, section);
  draw();
  on("language", draw);
  const part = (/** @type {string} */ name) => /** @type {HTMLElement} */ (section.querySelector(name));
  mountTotals(part(".figures"));
  new LatestRows(part(".latest-rows-panel"));
  const categories = new CategoryTable(part(".categories-panel"));
  new ChartPanel(part(".chart-panel"), categories);
}
