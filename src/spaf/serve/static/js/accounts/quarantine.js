// The quarantine: records that were not accepted, each with its reason and its bytes.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";
import { latest, on } from "../core/events.js";
import { bytes, dateTime, duration, money, number } from "../core/format.js";
import { t } from "../core/i18n.js";
import { newestJson } from "../core/server.js";
import { arrowKeys, errorText, noReasonsText, panel, textOr, whenNear } from "../core/ui.js";
import { escaped } from "../core/untrusted_text.js";
import { payload, placeOf, recordRow } from "../kafka/record.js";
import { openRecord } from "../kafka/record_dialog.js";
import { explanationOf } from "./reasons.js";

const PAGE = 50;
// Reasons that are only counted have no record to show.
const NOT_KEPT = new Set(["not_read", "array", "disagreement"]);

/** The list of the records, newest first, of one reason or of all. */
export class Quarantine {
  /** @param {HTMLElement} section @param {HTMLElement} node into which the list is drawn */
  constructor(section, node) {
    this.reason = "";
    /** @type {QuarantineRow[]} */
    this.rows = [];
    /** @type {string | null} where the next page begins */
    this.next = null;
    this.requested = false;
    this.busy = false;
    this.get = newestJson();
    /** @type {number | null} records that were classified when the list was read */
    this.classified = null;
    /** @type {unknown} */
    this.error = null;
    this.redraw = panel(node, ["payload"], () => this.#template());
    this.list = /** @type {HTMLElement} */ (node.querySelector(".q-list"));
    arrowKeys(this.list, "summary");
    whenNear(section, (near) => near && !this.requested && this.#load());
    on("accounts", () => this.#update());
    this.#update();
  }

  /** Return how many records were classified since the list was read. */
  #came() {
    return this.classified === null ? 0 : (latest("accounts")?.quarantine?.explained ?? 0) - this.classified;
  }

  #update() {
    this.classified ??= latest("accounts")?.quarantine?.explained ?? null;
    if (this.#came() > 0 && !this.rows.length && this.requested) this.#load();
    this.redraw();
  }

  /** Show the records of a reason. @param {string} reason empty for all */
  choose(reason) {
    this.reason = reason;
    this.#load();
  }

  #load() {
    this.requested = true;
    this.classified = null;
    return this.#read(null);
  }

  async #loadMore() {
    const first = this.rows.length;
    await this.#read(this.next);
    this.list.children[first]?.querySelector("summary")?.focus();
  }

  /** Read a page. @param {string | null} before */
  async #read(before) {
    this.busy = true;
    this.redraw();
    const parameters = { reason: this.reason || null, before, limit: PAGE };
    const answer = await this.get("/api/quarantine", parameters).catch((error) => ({ error }));
    this.busy = false;
    this.error = answer.error ?? null;
    if (!answer.error) {
      this.rows = before === null ? answer.rows : [...this.rows, ...answer.rows];
      this.next = answer.next;
    }
    await new Promise((drawn) => { this.redraw(); requestAnimationFrame(() => drawn(undefined)); });
  }

  #template() {
    const reasons = (latest("accounts")?.reasons ?? []).map(({ reason }) => reason).filter((name) => !NOT_KEPT.has(name));
    const names = [...new Set([...reasons, this.reason])].filter(Boolean);
    const came = this.#came();
    const isEmpty = this.error !== null || !this.rows.length;
    return html`<div class="q-bar"><h3>${t("quarantine.title")}</h3><label for="quarantine-reason">${
      t("quarantine.reason")}</label><select id="quarantine-reason" data-test="quarantine-reason"
      @change=${(/** @type {any} */ { target }) => this.choose(target.value)}><option value=""
      .selected=${!this.reason}>${t("quarantine.all")}</option>${names.map((name) => html`<option value=${name}
      .selected=${name === this.reason}>${textOr(`reason.${name}`, name)}</option>`)}</select><button type="button"
      class=${came > 0 ? "strong" : ""} data-test="quarantine-refresh" @click=${() => this.#load()}>${
      came > 0 ? t("quarantine.came", { n: number(came) }) : t("panel.refresh")}</button></div>
      <div class="q-list" aria-label=${t("quarantine.title")} aria-busy=${this.busy}>${
        repeat(this.rows, placeOf, rowView)}</div>
      <p class="empty${this.error ? " failure" : ""}" ?hidden=${!isEmpty}>${isEmpty ? this.#emptyText() : ""}</p>
      <button type="button" ?hidden=${!this.next} data-test="quarantine-more"
        @click=${() => this.#loadMore()}>${t("panel.more")}</button>`;
  }

  #emptyText() {
    if (this.error) return errorText(this.error);
    if (!this.requested) return t("record.loading");
    if (this.reason) return t("quarantine.none_of_reason");
    return noReasonsText(latest("accounts"), "quarantine.none");
  }
}

/** @param {QuarantineRow} row */
function rowView(row) {
  return recordRow(row, {
    key: placeOf(row), test: "quarantine-row", content: () => content(row),
    note: html`<span class="q-reason">${textOr(`reason.${row.reason}`, row.reason)}</span>`,
  });
}

/** @param {QuarantineRow} row */
function content(row) {
  const size = t("quarantine.size", { time: dateTime(row.append_ms), bytes: bytes(row.bytes) });
  return html`${explanationOf(row.reason, row.explanation, row.hint)}${lateSale(row)}${
    row.replays ? html`<p>${t("quarantine.replayed")}</p>` : nothing}${payload(row)}<p class="q-foot"><span
    class="dim">${size}</span><button type="button" class="link" @click=${() => openRecord(row)}>${
    t("quarantine.open")}</button></p>`;
}

/** @param {QuarantineRow} row */
function lateSale({ cents, currency, category, lateness_ms: lateness }) {
  if (cents === null || cents === undefined) return nothing;
  return html`<p>${t("quarantine.late_sale", {
    money: money(cents, currency ?? ""), category: escaped(category ?? "–"), late: duration(lateness),
  })}</p>`;
}
