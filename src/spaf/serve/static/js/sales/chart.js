// Sales over time: the panel around the drawing, with its ranges, measures and the way back to live.

import { html } from "../../vendor/lit-html/lit-html.js";
import { frame as onFrame, on } from "../core/events.js";
import { axisMoney, axisNumber, minute, money, number, rate, time } from "../core/format.js";
import { t } from "../core/i18n.js";
import { baseCurrency } from "../core/state.js";
import { choice, panel } from "../core/ui.js";
import { annotationText, annotationsWithin, startAnnotations } from "./annotations.js";
import { ChartData, RANGES, add } from "./chart_data.js";
import { Plot } from "./plot.js";

// The live chart moves on with each whole second; more would only cost, ms.
const REDRAW_MS = 1_000;
// Only a mouse can drag over a part of the chart: a finger scrolls the page.
const MOUSE = window.matchMedia("(hover: hover) and (pointer: fine) and (min-width: 761px)");
// A bucket narrower than this cannot be distinguished from its neighbours, px.
const MIN_BUCKET_PX = { stacked: 2.5, lines: 6 };
const MIN_BUCKETS = 60;
// How high the axis of an empty chart is: one sale, one unit of money in cents.
const MIN_TOP = { count: 1, money: 100 };
// The shortest period to zoom in to: buckets, and seconds.
const MIN_ZOOM_BUCKETS = 3;
const MIN_ZOOM_S = 5;

/** The chart with its buttons. */
export class ChartPanel {
  /** @param {HTMLElement} node @param {import("./category_table.js").CategoryTable} categories */
  constructor(node, categories) {
    this.categories = categories;
    this.measure = /** @type {"count" | "money"} */ ("count");
    this.form = /** @type {"stacked" | "lines"} */ ("stacked");
    /** @type {ChartFrame | null} */
    this.frame = null;
    this.busy = true;
    /** @type {{ index: number | null, annotation: Annotation | null }} what the pointer is over */
    this.hovered = { index: null, annotation: null };
    this.redraw = () => onFrame(this.draw);
    this.data = new ChartData(this.redraw);
    this.refresh = panel(node, [], () => this.#template());
    this.canvas = /** @type {HTMLElement} */ (node.querySelector(".plot"));
    this.plot = new Plot(this.canvas, {
      select: (from, to) => this.#zoomTo(from, to), back: () => this.#live(),
      hover: (index, annotation) => this.#hover(index, annotation), press: openAnomaly,
    });
    this.#listen();
  }

  #listen() {
    startAnnotations(this.redraw);
    for (const kind of /** @type {const} */ (["theme", "language"])) on(kind, () => this.#renew());
    setInterval(() => { if (!this.data.zoom && !document.hidden) this.redraw(); }, REDRAW_MS);
    document.addEventListener("keydown", ({ key }) => {
      if (key === "Escape" && this.data.zoom && !document.querySelector("dialog[open]")) this.#live();
    });
  }

  #template() {
    const { range, zoom } = this.data;
    return html`<div class="chart-head"><h3 id="chart-title">${t(`chart.title.${this.measure}`)}</h3><p class="readout"
        data-test="readout">${this.#readout()}</p><button type="button" class="back" ?hidden=${!zoom}
        @click=${() => this.#live()}>${t("chart.back")}</button></div>
      <div class="plot" role="img" tabindex="0" data-test="chart" aria-describedby="chart-title" aria-busy=${this.busy}
        aria-label=${this.#summary()} @keydown=${(/** @type {KeyboardEvent} */ event) => this.#key(event)}></div>
      <div class="chart-tools">${choice(t("chart.range"), Object.keys(RANGES), {
        pressed: zoom ? null : range, text: (name) => t(`chart.range.${name}`), test: "chart.range.",
        choose: (name) => this.#choose(name),
      })}${this.#choiceOf("measure", ["count", "money"])}${this.#choiceOf("form", ["stacked", "lines"])}</div>`;
  }

  /** @param {"measure" | "form"} name @param {any[]} values */
  #choiceOf(name, values) {
    return choice(t(`chart.${name}`), values, {
      pressed: this[name], text: (value) => t(`chart.${name}.${value}`), test: `chart.${name}.`,
      choose: (value) => {
        Object.assign(this, { [name]: value });
        this.#renew();
      },
    });
  }

  draw = () => {
    const width = this.canvas.clientWidth / MIN_BUCKET_PX[this.form];
    const frame = this.data.frame(Math.max(MIN_BUCKETS, Math.floor(width)));
    // What is drawn stays, pale, until the range that was asked for has come.
    this.busy = !frame;
    this.refresh();
    if (!frame) return;
    this.frame = frame;
    const { measure, categories } = this;
    const { isHidden } = categories;
    categories.show(frame, this.data.zoom ? null : this.data.range);
    this.plot.draw({
      frame, lines: frame[measure], form: this.form, isHidden, annotations: annotationsWithin(frame, isHidden),
      label: measure === "money" ? (cents) => axisMoney(cents, baseCurrency()) : axisNumber,
      minTop: MIN_TOP[measure],
    });
    if (!this.plot.isHovered()) this.hovered = { index: null, annotation: null };
  };

  #summary() {
    if (!this.frame) return t(`chart.title.${this.measure}`);
    const { from, to, count } = this.frame;
    return t("chart.says", {
      title: t(`chart.title.${this.measure}`), sales: number(add(count.map(add))),
      from: time(from * 1_000), to: time(to * 1_000),
    });
  }

  #readout() {
    const { index, annotation } = this.hovered;
    if (annotation) return annotationText(annotation);
    const { frame, measure } = this;
    if (index === null || !frame || index >= frame.x.length) return MOUSE.matches ? t("chart.hint") : "";
    const lines = frame[measure].filter((_, place) => !this.categories.isHidden(place));
    const sum = add(lines.map((line) => line[index])) / frame.step;
    const value = measure === "money"
      ? t("chart.money.at", { money: money(String(Math.round(sum)), baseCurrency()) })
      : t("chart.count.at", { sales: rate(sum) });
    return `${clock(frame, index)}  ${value}`;
  }

  /** @param {number | null} index @param {Annotation | null} annotation */
  #hover(index, annotation) {
    this.hovered = { index, annotation };
    this.categories.hover(index === null || !this.frame ? null : { index, time: clock(this.frame, index) });
    this.refresh();
  }

  /** @param {string} range */
  #choose(range) {
    this.data.choose(range);
    this.refresh();
    this.redraw();
  }

  #live() {
    if (this.data.zoom) this.#choose(this.data.range);
  }

  /** @param {number} from @param {number} to seconds */
  #zoomTo(from, to) {
    if (!this.frame) return;
    const half = Math.max(to - from, MIN_ZOOM_BUCKETS * this.frame.step, MIN_ZOOM_S) / 2;
    const middle = (from + to) / 2;
    this.data.zoomTo(Math.floor(middle - half), Math.ceil(middle + half));
    this.refresh();
    this.redraw();
  }

  /** With the keyboard: + zooms in, - or Escape goes back, the arrows move. @param {KeyboardEvent} event */
  #key(event) {
    if (!this.frame) return;
    const { from, to } = this.frame;
    const step = (to - from) / 4;
    const way = { ArrowLeft: -step, ArrowRight: step }[event.key];
    if (event.key === "-") this.#live();
    else if (event.key === "+" || event.key === "=") this.#zoomTo(from + step, to - step);
    else if (way && this.data.zoom) this.#zoomTo(from + way, to + way);
    else return;
    event.preventDefault();
  }

  /** Draw everything anew: colours, texts or what is drawn have changed. */
  #renew() {
    this.plot.shape = "";
    this.refresh();
    this.redraw();
  }
}

/** Return the time of a bucket. @param {ChartFrame} frame @param {number} index */
function clock(frame, index) {
  const ms = frame.x[index] * 1_000;
  return frame.step >= 60 ? minute(ms) : time(ms);
}

/** Open the dialog of an anomaly; it is fetched when it is first wanted. @param {Anomaly} anomaly */
async function openAnomaly(anomaly) {
  (await import("../kafka/record_dialog.js")).openAnomaly(anomaly);
}
