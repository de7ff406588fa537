// Where in a topic to begin: a partition, and a number of messages, an offset, or a time.

import { html } from "../../vendor/lit-html/lit-html.js";
import { number } from "../core/format.js";
import { t } from "../core/i18n.js";
import { choice, errorText } from "../core/ui.js";

const WAYS = /** @type {const} */ (["last", "offset", "time"]);
// Messages of one answer.
export const LIMIT = 50;
// Partitions to choose from; of a topic with more, the later ones are not offered.
const MAX_PARTITIONS = 500;
// How far back the time lies that is offered, ms.
const OFFERED_MS = 60_000;

/** The fields, and what is wrong with them. */
export class MessageForm {
  /** @param {() => void} changed @param {(request: Record<string, any>) => void} read */
  constructor(changed, read) {
    this.changed = changed;
    this.read = read;
    /** @type {ReadFrom} */
    this.way = "last";
    this.partitions = 1;
    // The chosen partition; empty for all of them.
    this.partition = "0";
    /** @type {Record<ReadFrom, string>} */
    this.values = { last: "20", offset: "0", time: "" };
    /** @type {unknown} */
    this.error = null;
  }

  /** Take over the partitions of another topic: all of them together, if there are several. @param {number} partitions */
  reset(partitions) {
    this.partitions = partitions;
    this.partition = partitions > 1 ? "" : "0";
    this.turn("last");
  }

  /** Fill in a place. @param {LogPlace} place */
  fill({ partition, offset, time_ms: ms }) {
    this.partition = String(partition ?? (this.partitions > 1 ? "" : 0));
    if (offset !== undefined) this.values.offset = String(offset);
    else this.values.time = localTime(ms ?? Date.now());
    this.turn(offset !== undefined ? "offset" : "time");
  }

  /** @param {ReadFrom} way */
  turn(way) {
    this.way = way;
    if (way === "offset" && !this.partition) this.partition = "0";
    if (way === "time" && !this.values.time) this.values.time = localTime(Date.now() - OFFERED_MS);
    this.fail(null);
  }

  /** Return what the fields ask for. A value that is not a number goes to the server, which says what is. */
  request() {
    const { way, values } = this;
    const partition = this.partition || null;
    if (way === "last") return { partition, last: values.last.trim() };
    if (way === "offset") return { partition, offset: values.offset.trim(), limit: LIMIT };
    const ms = new Date(values.time).getTime();
    return { partition, time_ms: Number.isNaN(ms) ? values.time || "?" : ms, limit: LIMIT };
  }

  /** Show next to the field what is wrong with it; null clears that. @param {unknown} error */
  fail(error) {
    this.error = error;
    this.changed();
  }

  /** @param {Content} buttons next to that of the form */
  template(buttons) {
    const submit = (/** @type {Event} */ event) => {
      event.preventDefault();
      this.read(this.request());
    };
    return html`<form class="message-form" novalidate @submit=${submit}><span class="field"><label
      for="kafka-partition">${t("messages.partition")}</label>${this.#partitionSelect()}</span><span class="field">${
      choice(t("messages.from"), WAYS, {
        pressed: this.way, test: "kafka-way-", text: (way) => t(`messages.way.${way}`), choose: (way) => this.turn(way),
      })}</span><span class="field"><label for="kafka-value">${t(`messages.value.${this.way}`)}</label>${
      this.#valueInput()}</span><button class="main" data-test="kafka-read">${t("messages.read")}</button>${buttons}<p
      class="field-wrong" id="kafka-wrong" role="alert" ?hidden=${!this.error}>${
      this.error ? errorText(this.error) : ""}</p></form>`;
  }

  #partitionSelect() {
    const numbers = [...Array(Math.min(this.partitions, MAX_PARTITIONS)).keys()].map(String);
    const values = this.partitions > 1 ? ["", ...numbers] : numbers;
    const choose = (/** @type {any} */ { target }) => { this.partition = target.value; };
    return html`<select id="kafka-partition" data-test="kafka-partition" @change=${choose}>${values.map((value) =>
      html`<option value=${value} .selected=${value === this.partition}>${
        value ? number(Number(value)) : t("messages.all")}</option>`)}</select>`;
  }

  #valueInput() {
    const isTime = this.way === "time";
    const typed = (/** @type {any} */ { target }) => {
      this.values[this.way] = target.value;
      this.fail(null);
    };
    return html`<input id="kafka-value" data-test="kafka-value" aria-describedby="kafka-wrong" autocomplete="off"
      spellcheck="false" type=${isTime ? "datetime-local" : "text"} step="1" inputmode=${isTime ? "text" : "numeric"}
      aria-invalid=${Boolean(this.error)} .value=${this.values[this.way]} @input=${typed}>`;
  }
}

/** Return a time as the field for local times writes it. @param {number} ms */
function localTime(ms) {
  return new Date(ms - new Date(ms).getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
