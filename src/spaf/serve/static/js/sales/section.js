// The section Sales: what is sold now, today and over time, and the rows as they are written.

import { mountCategoryTable } from "./category_table.js";
import { mountChart } from "./chart.js";
import { mountTotals } from "./totals.js";
import { mountLatestRows } from "./latest_rows.js";

export function mount(section, app) {
  const { el, t } = app;
  const figures = el("div", { class: "figures" });
  const chart = el("div", { class: "panel chart-panel" });
  const categories = el("div", { class: "panel categories-panel" });
  const tape = el("div", { class: "panel tape-panel" });
  section.append(
    el("h2", { id: "sales-title", class: "hidden", "data-t": "sales.title", text: t("sales.title") }),
    figures,
    el("div", { class: "sales-body" }, chart, categories, tape),
  );
  mountTotals(figures, app);
  mountLatestRows(tape, app);
  const view = mountCategoryTable(categories, app);
  mountChart(chart, app, view);
}
