// The measurement that is started from here: what it will do, how far it is, what it found, and its report.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { emit, latest, on } from "../core/events.js";
import { duration, exactRate, number } from "../core/format.js";
import { keyOfMessage, language, t } from "../core/i18n.js";
import { mayOperate } from "../core/role.js";
import { address, postJson } from "../core/server.js";
import { isMeasuring } from "../core/state.js";
import { announce, bar, errorText, moment, panel, sectionHead } from "../core/ui.js";
import { foreign } from "../core/untrusted_text.js";

const QUANTILES = /** @type {const} */ (["p50", "p99"]);
// Why the last press had no effect.
let refusal = /** @type {any} */ (null);
let busy = false;

/** Build the section. @param {HTMLElement} section */
export function mount(section) {
  let measured = isMeasuring();
  const redraw = panel(section, ["measure"], () => {
    const data = latest("measure");
    const last = isMeasuring() ? null : data?.last;
    return html`<div class="measure">${sectionHead(section.id, t("measure.title"), reportLink(data?.report_ms ?? null))}
      <p class="note">${data ? planText(data) : ""}</p><div class="control-line"><button type="button"
      class=${isMeasuring() ? "" : "main"} data-test="measure-toggle" ?disabled=${!data || busy || data.state === "stopping" || !mayOperate()}
      @click=${() => press(redraw)}>${t(isMeasuring() ? "measure.stop" : "measure.start")}</button><span
      class="message${refusal ? " wrong" : ""}" data-test="measure-state">${
      refusal ? errorText(refusal) : data ? progressText(data) : ""}</span></div>${mayOperate() ? nothing : html`<p class="note"
      data-test="measure-viewer">${t("measure.viewer")}</p>`}${progressBar(data)}${
      last ? result(last) : nothing}</div>`;
  });
  on("measure", (data) => {
    if (measured && !isMeasuring() && data?.last) announce(verdictText(data.last));
    measured = isMeasuring();
  });
}

/** Start a measurement, or end it. @param {() => void} redraw */
async function press(redraw) {
  busy = true;
  redraw();
  try {
    refusal = null;
    emit("measure", await postJson("/api/measure", { action: isMeasuring() ? "stop" : "start" }));
  } catch (error) {
    refusal = error;
    announce(errorText(error));
  } finally {
    busy = false;
    redraw();
  }
}

/** @param {number | null} endedMs */
function reportLink(endedMs) {
  if (endedMs === null) return nothing;
  return html`<p class="links"><a href=${address(`/api/measure/report?language=${language()}`)} target="_blank"
    rel="noreferrer noopener" data-test="measure-report">${t("measure.report")} ${moment(endedMs)}</a></p>`;
}

/** @param {Sweep} data */
function planText({ plan, about_s: about }) {
  const rates = new Intl.ListFormat(language()).format(plan.rates.map(exactRate));
  return t("measure.what", { rates, seconds: number(plan.seconds), about: span(about) });
}

/** Return an estimate, without the tenths of a duration. @param {number} seconds */
function span(seconds) {
  return seconds < 60 ? `${number(seconds)} s` : duration(seconds * 1_000);
}

/** @param {Sweep} data */
function progressText({ state, progress }) {
  if (!progress) return "";
  const { doing, number: at, of, rate, left_s: left } = progress;
  const text = t(`measure.state.${state === "stopping" ? state : doing}`, { rate: exactRate(rate), n: at, of });
  return state === "stopping" ? text : `${text} ${t("measure.left", { left: span(left) })}`;
}

/** @param {Sweep | null} data */
function progressBar(data) {
  if (!data?.progress) return nothing;
  return bar(Math.max(0, 1 - data.progress.left_s / Math.max(data.about_s, data.progress.left_s)), "strong");
}

/** @param {NonNullable<Sweep["last"]>} last */
function verdictText({ outcome, records }) {
  return t(`measure.outcome.${outcome}`, { records: number(records) });
}

/** Return the verdict, and what may be drawn: nothing of a measurement that is not valid. @param {NonNullable<Sweep["last"]>} last */
function result(last) {
  const isWrong = last.outcome === "invalid" || last.outcome === "failed";
  return html`<p class="verdict${isWrong ? " wrong" : ""}" data-test="measure-verdict" data-outcome=${last.outcome}>${
    moment(last.ended_ms)} · ${verdictText(last)}</p>${last.reasons.map((reason) => html`<p class="note reason">${
    reasonText(reason)}</p>`)}${last.points.length ? plot(last.points) : nothing}`;
}

/** Return a reason of the record, and of which rate it is, translated where there is a text. @param {string} reason */
function reasonText(reason) {
  const [, rate, what] = /^(?:([\d.e+]+) sales\/s: )?(.*)$/s.exec(reason) ?? [null, null, reason];
  const key = keyOfMessage("server.", what);
  return html`${rate ? `${t("measure.rate", { rate: exactRate(Number(rate)) })}: ` : nothing}${
    key ? t(key) : html`<span lang="en">${foreign(what)}</span>`}`;
}

/** Draw median and 99th percentile by rate. @param {RatePoint[]} points */
function plot(points) {
  const top = Math.max(...points.map((point) => point.p99_ms));
  return html`<figure class="load-plot" data-test="measure-plot"><figcaption>${t("measure.plot")} ${QUANTILES.map((name) =>
    html`<span class="key"><i class="swatch ${name}" aria-hidden="true"></i>${t(`measure.${name}`)}</span>`)}</figcaption><ol>${
    points.map((point) => html`<li data-test="measure-point">${QUANTILES.map((name) => html`<span class="column ${name}"><span
      class="value">${number(point[`${name}_ms`], 1)}<span class="hidden"> ${t(`measure.${name}`)}</span></span><span
      class="column-fill" .style=${`block-size: ${(9 * point[`${name}_ms`]) / top}rem`}></span></span>`)}<span
      class="load-rate">${t("measure.rate", { rate: exactRate(point.rate) })}</span></li>`)}</ol></figure>`;
}
