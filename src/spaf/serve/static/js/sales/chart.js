// Sales over time: the panel around the drawing, with its ranges, measures and the way back.

import { axisMoney, axisNumber, minute } from "../core/format.js";
import { createChartData, RANGES } from "./chart_data.js";
import { createAnnotations } from "./annotations.js";
import { createPlot } from "./plot.js";

// The live chart moves on once a second, with each whole second; more would only cost, ms.
const REDRAW_MS = 1_000;
// A finger scrolls the page; only a mouse can drag a part of the chart, and is told so.
const MOUSE = window.matchMedia("(hover: hover) and (pointer: fine) and (min-width: 761px)");
// A bucket narrower than this cannot be told from its neighbours, px.
const BUCKET_PX = { stacked: 2.5, lines: 6 };
// How high the axis of an empty chart is: one sale, one unit of money in cents.
const MIN_COUNT_TOP = 1;
const MIN_MONEY_TOP = 100;

export function mountChart(node, app, categories) {
  const { el, t, put } = app;
  const view = { measure: "count", form: "stacked" };
  const title = el("h3", { id: "chart-title" });
  const readout = el("p", { class: "readout", "data-test": "readout" });
  const back = el("button", { type: "button", class: "back", hidden: true, onclick: () => live() });
  const canvas = el("div", {
    class: "plot", role: "img", tabindex: "0", "data-test": "chart", "aria-describedby": "chart-title",
  });
  const ranges = choice("chart.range", (name) => `chart.range.${name}`, Object.keys(RANGES), () => history.range, (name) => {
    history.choose(name);
    refresh();
    redraw();
  });
  const measures = choice("chart.measure", (name) => `chart.measure.${name}`, ["count", "money"], () => view.measure, (name) => set("measure", name));
  const forms = choice("chart.form", (name) => `chart.form.${name}`, ["stacked", "lines"], () => view.form, (name) => set("form", name));
  node.append(
    el("div", { class: "chart-head" }, title, readout, back),
    canvas,
    el("div", { class: "chart-tools" }, ranges.node, measures.node, forms.node),
  );

  const history = createChartData(app, redraw);
  const marks = createAnnotations(app, redraw);
  const plot = createPlot(canvas, app, { select: zoomTo, back: live, hover, press });
  let frame = null;

  categories.onToggle(redraw);
  for (const kind of ["theme", "language"]) app.on(kind, () => refresh(true));
  setInterval(() => { if (!history.zoom && !document.hidden) redraw(); }, REDRAW_MS);
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && history.zoom && !document.querySelector("dialog[open]")) live();
  });
  canvas.addEventListener("keydown", keys);
  refresh();

  function redraw() {
    app.frame(draw);
  }

  function draw() {
    const data = history.data(Math.max(60, Math.floor(canvas.clientWidth / BUCKET_PX[view.form])));
    // What is drawn stays, pale, until the range that was asked for has come.
    canvas.setAttribute("aria-busy", String(!data));
    if (!data) return;
    frame = data;
    const money = view.measure === "money";
    categories.show(frame, history.zoom ? null : history.range);
    plot.draw({
      frame, lines: frame[view.measure], form: view.form, hidden: categories.hidden,
      marks: marks.within(frame.from, frame.to, categories.hidden),
      // Values of the vertical axis are means a second whatever the bucket.
      scale: 1 / frame.step,
      label: money ? (cents, step) => axisMoney(cents, step, app.state.currency) : axisNumber,
      least: money ? MIN_MONEY_TOP : MIN_COUNT_TOP,
    });
    canvas.setAttribute("aria-label", t("chart.says", {
      title: title.textContent, sales: app.number(total(frame.count)),
      from: app.time(frame.from * 1_000), to: app.time(frame.to * 1_000),
    }));
    if (!plot.hovered()) say(null);
  }

  function zoomTo(from, to) {
    if (!frame) return;
    const least = Math.max(3 * frame.step, 5);
    const middle = (from + to) / 2;
    const half = Math.max(to - from, least) / 2;
    history.look(Math.floor(middle - half), Math.ceil(middle + half));
    refresh();
    redraw();
  }

  function live() {
    if (!history.zoom) return;
    history.choose(history.range);
    refresh();
    redraw();
  }

  // With the keyboard: + looks closer, - or Escape goes back, the arrows move what is looked at.
  function keys(event) {
    if (!frame) return;
    const span = frame.to - frame.from;
    const moves = {
      "+": [span / 4, -span / 4], "=": [span / 4, -span / 4],
      ArrowLeft: history.zoom ? [-span / 4, -span / 4] : null,
      ArrowRight: history.zoom ? [span / 4, span / 4] : null,
    };
    if (event.key === "-") live();
    else if (moves[event.key]) zoomTo(frame.from + moves[event.key][0], frame.to + moves[event.key][1]);
    else return;
    event.preventDefault();
  }

  function hover(index, marked) {
    categories.hover(index === null ? null : { index, time: clock(frame.x[index]) });
    say(index, marked);
  }

  function say(index, marked) {
    if (marked) return put(readout, marks.words(marked));
    if (index === null || !frame) return put(readout, MOUSE.matches ? t("chart.hint") : "");
    const seen = frame[view.measure].filter((_, place) => !categories.hidden.has(place));
    const sum = seen.reduce((all, line) => all + line[index], 0) / frame.step;
    const value = view.measure === "money"
      ? t("chart.money.at", { money: app.money(String(Math.round(sum)), app.state.currency) })
      : t("chart.count.at", { sales: app.number(sum, sum < 100 ? 1 : 0) });
    put(readout, `${clock(frame.x[index])}  ${value}`);
  }

  // The dialog belongs to the section Anomalies; it is fetched when it is first wanted.
  async function press(anomaly) {
    const dialog = await import("../kafka/record_dialog.js");
    const { second, partition, offset } = anomaly;
    if (second === undefined) dialog.openRecord(app, { partition, offset, anomaly });
    else dialog.openSecond(app, anomaly);
  }

  function clock(second) {
    return frame.step >= 60 ? minute(second * 1_000) : app.time(second * 1_000);
  }

  function set(name, value) {
    view[name] = value;
    refresh(true);
  }

  function refresh(again) {
    put(title, t(`chart.title.${view.measure}`));
    for (const each of [ranges, measures, forms]) each.refresh();
    back.hidden = !history.zoom;
    put(back, t("chart.back"));
    if (history.zoom) ranges.none();
    if (again) {
      plot.renew();
      redraw();
    }
  }

  function choice(label, keyOf, names, now, chosen) {
    const buttons = names.map((name) => el("button", {
      type: "button", "data-t": keyOf(name), "data-test": keyOf(name), text: t(keyOf(name)),
      onclick: () => chosen(name),
    }));
    const box = el("div", { class: "choice", role: "group" }, ...buttons);
    const press = (on) => buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(on(names[i]))));
    return {
      node: box,
      refresh() {
        box.setAttribute("aria-label", t(label));
        press((name) => name === now());
      },
      none: () => press(() => false),
    };
  }
}

function total(lines) {
  return lines.reduce((all, line) => all + line.reduce((a, b) => a + b, 0), 0);
}
