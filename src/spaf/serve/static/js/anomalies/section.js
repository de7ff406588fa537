// The anomalies: a feed that can be paused, the details of each, and how accurate the rules are.

import { html } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";
import { latest, on } from "../core/events.js";
import { number } from "../core/format.js";
import { t } from "../core/i18n.js";
import { getJson } from "../core/server.js";
import { arrowKeys, errorText, panel, sectionHead } from "../core/ui.js";
import { openAnomaly } from "../kafka/record_dialog.js";
import { AnomalyFeed, PAGE, keyOf } from "./anomaly_feed.js";
import { detectionScore } from "./detection_score.js";
import { anomalyRow, feedHead, kindFilter } from "./feed_parts.js";
import { FeedPause } from "./feed_pause.js";

// Pages that one press of "older" loads at most, while the filter lets none of them through.
const MAX_PAGES = 5;
// How long a new row stands out, ms.
const NEW_MS = 1_200;

/** Build the section. @param {HTMLElement} section */
export const mount = (section) => new Anomalies(section);

class Anomalies {
  /** @param {HTMLElement} section */
  constructor(section) {
    this.feed = new AnomalyFeed();
    /** @type {string | null} the chosen kind */
    this.kind = null;
    this.pause = new FeedPause(this.feed, (waited) => this.#show(waited));
    this.limit = PAGE;
    this.message = "";
    this.loading = false;
    /** @type {WeakMap<Anomaly, Template>} rows as they were drawn, in the page's language */
    this.rows = new WeakMap();
    on("language", () => { this.rows = new WeakMap(); });
    // Drawn by itself: it changes each second, and the feed only with an anomaly.
    this.score = document.createElement("aside");
    this.score.className = "score-side";
    panel(this.score, ["snapshot", "score", "load"], () => detectionScore(latest("score")));
    this.redraw = panel(section, [], () => this.#template(section.id));
    const find = (/** @type {string} */ part) => /** @type {HTMLElement} */ (section.querySelector(part));
    this.pause.watch(find(".feed-scroll"));
    arrowKeys(find(".feed tbody"), ".row-open");
    // What a snapshot repeats stays as it is shown.
    on("snapshot", ({ anomalies }) => {
      this.feed.restart(anomalies);
      this.redraw();
    });
    on("anomalies", ({ anomalies }) => this.#show(this.feed.add(anomalies)));
  }

  /** @param {Anomaly[]} fresh */
  #show(fresh) {
    for (const anomaly of fresh) this.rows.set(anomaly, anomalyRow(anomaly, true));
    this.redraw();
    if (!fresh.length) return;
    // Not a fade: one would paint the whole section sixty times a second.
    setTimeout(() => {
      for (const anomaly of fresh) this.rows.delete(anomaly);
      this.redraw();
    }, NEW_MS);
  }

  #matching() {
    return this.feed.rows.filter(({ kind }) => !this.kind || kind === this.kind);
  }

  /** @param {string} id */
  #template(id) {
    const shown = this.#matching().slice(0, this.limit);
    const choose = (/** @type {string | null} */ kind) => {
      this.kind = kind;
      this.redraw();
    };
    return html`${sectionHead(id, t("anomalies.title"))}<div class="anomalies"><div class="feed-side">
      <div class="feed-bar">${kindFilter(this.feed, this.kind, choose)}${this.pause.template()}</div>
      <div class="feed-scroll"><table class="feed">${feedHead()}<tbody @click=${this.#click} @keydown=${this.#leave}>${
        repeat(shown, keyOf, (anomaly) => this.#row(anomaly))}</tbody></table><p class="empty" ?hidden=${shown.length > 0}>${
        t(this.kind ? "anomalies.none_of_kind" : "anomalies.none")}</p></div>
      <div class="feed-foot"><button type="button" data-test="anomalies-older" ?disabled=${this.loading}
        ?hidden=${!this.feed.rows.length} @click=${() => this.#loadOlder()}>${t("anomalies.older")}</button><span
        class="message" role="status">${this.message}</span></div></div>${this.score}</div>`;
  }

  /** @param {Anomaly} anomaly */
  #row(anomaly) {
    const row = this.rows.get(anomaly) ?? anomalyRow(anomaly, false);
    this.rows.set(anomaly, row);
    return row;
  }

  /** @param {MouseEvent} event */
  #click = (event) => {
    const row = event.target instanceof Element ? event.target.closest("tr") : null;
    const anomaly = this.feed.known.get(row?.dataset.key ?? "");
    if (!row || !anomaly || endsSelection(event, row)) return;
    row.querySelector("button")?.focus();
    openAnomaly(anomaly);
  };

  /** @param {KeyboardEvent & { target: HTMLElement }} event */
  #leave = ({ key, target }) => key === "Escape" && target.blur();

  async #loadOlder() {
    this.loading = true;
    const before = Math.min(this.#matching().length, this.limit);
    this.limit = before + PAGE;
    try {
      for (let page = 0, more = true; more && page < MAX_PAGES; page += 1) {
        if (this.#matching().length >= this.limit) break;
        more = await this.#loadPage();
      }
      const n = Math.min(this.#matching().length, this.limit) - before;
      const none = this.feed.full ? t("anomalies.full") : t("anomalies.no_older");
      this.message = n ? t("anomalies.loaded", { n: number(n) }) : none;
    } catch (error) {
      this.message = errorText(error);
    } finally {
      this.loading = false;
      this.redraw();
    }
  }

  /** Load one page; return whether there may be more. The oldest millisecond is requested again. */
  async #loadPage() {
    const { feed } = this;
    const load = async (/** @type {number} */ beforeMs) =>
      (await getJson("/api/anomalies", { before_ms: beforeMs, limit: PAGE })).anomalies ?? [];
    const oldest = feed.oldestMs ?? Date.now();
    const page = await load(oldest + 1);
    if (feed.addOlder(page)) return page.length >= PAGE && !feed.full;
    const next = page.length < PAGE ? [] : await load(oldest);
    return feed.addOlder(next) > 0 && !feed.full;
  }
}

/** Return whether a click ends a selection of text in the row. @param {MouseEvent} event @param {Element} row */
function endsSelection({ detail }, row) {
  const selection = getSelection();
  return detail > 0 && selection !== null && !selection.isCollapsed && row.contains(selection.anchorNode);
}
