// A list of Kafka's messages, one line each, opened where they stand.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";
import { placeOf } from "../accounts/quarantine_row.js";
import { bytes, dateTime } from "../core/format.js";
import { t } from "../core/i18n.js";
import { arrowKeys, moment } from "../core/ui.js";
import { beginning, foreign, visible } from "../core/untrusted_text.js";
import { bytesText, fact, payload } from "./payload.js";

// Messages of a live tail that stay on the page.
const MAX_LIVE = 100;
// Characters of a message's text in its line.
const PREVIEW_CHARS = 200;

/** The list. New messages are held back while it is pointed at, or a row has the focus. */
export class MessageList {
  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
    /** @type {Message[]} */
    this.messages = [];
    /** @type {Message[]} */
    this.held = [];
    /** @type {Set<Message>} whose content is drawn */
    this.opened = new Set();
    this.allOpen = false;
    // Counts the lists that were shown: no row of one is taken for a row of the next.
    this.shows = 0;
    this.pointed = false;
    /** @type {HTMLElement | null} */
    this.node = null;
    this.updateFocus = () => {};
  }

  /** Show what was held back once the list is not read any more. @param {HTMLElement} node */
  watch(node) {
    this.node = node;
    this.updateFocus = arrowKeys(node, "summary");
    node.addEventListener("pointerenter", ({ pointerType }) => { this.pointed = pointerType === "mouse"; });
    node.addEventListener("pointerleave", () => {
      this.pointed = false;
      this.release();
    });
    node.addEventListener("focusout", () => setTimeout(() => this.#isRead() || this.release()));
  }

  #isRead() {
    return this.pointed || Boolean(this.node?.contains(document.activeElement));
  }

  /** Show these messages, and no others. @param {Message[]} messages */
  show(messages) {
    this.messages = messages;
    this.held = [];
    this.shows += 1;
    this.opened.clear();
    this.changed();
  }

  /** Add messages on top, newest first, or hold them back. @param {Message[]} messages */
  add(messages) {
    this.held = [...messages, ...this.held].slice(0, MAX_LIVE);
    if (this.#isRead()) this.changed();
    else this.release();
  }

  /** Show what was held back. */
  release() {
    this.messages = [...this.held, ...this.messages].slice(0, MAX_LIVE);
    this.held = [];
    this.changed();
  }

  /** Open every message, or close it. @param {boolean} open */
  openAll(open) {
    this.allOpen = open;
    this.changed();
  }

  /** @param {boolean} busy */
  template(busy) {
    return html`<div class="q-list messages" aria-label=${t("messages.title")} aria-busy=${busy}>${
      repeat(this.messages, (message) => `${this.shows}|${placeOf(message)}`, (message) => this.#row(message))}</div>`;
  }

  /** @param {Message} message */
  #row(message) {
    const text = message.text ?? message.hex ?? t("record.tombstone");
    const toggled = (/** @type {Event} */ { target }) => {
      if (!(/** @type {HTMLDetailsElement} */ (target).open) || this.opened.has(message)) return;
      this.opened.add(message);
      this.changed();
    };
    return html`<details class="q-row" data-test="kafka-message" data-key=${placeOf(message)} ?open=${this.allOpen}
      @toggle=${toggled}><summary>${moment(message.append_ms)}<span class="place">${placeOf(message)}</span><span
      class="q-reason dim">${bytes(message.bytes)}</span><bdi class="q-text">${
      visible(beginning(text, PREVIEW_CHARS))}</bdi></summary>${this.allOpen || this.opened.has(message) ? content(message) : nothing}</details>`;
  }
}

/** @param {Message} message */
function content(message) {
  return html`<div class="q-open"><dl class="facts">${fact(t("messages.key"), bytesText(message.key))}${
    fact(t("record.appended"), dateTime(message.append_ms))}${(message.headers ?? []).map(([name, value]) =>
    fact(html`${t("messages.header")} ${foreign(name)}`, bytesText(value)))}</dl>${payload(message)}</div>`;
}
