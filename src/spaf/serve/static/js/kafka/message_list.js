// A list of Kafka's messages, one line each.

import { html } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";
import { bytes, dateTime } from "../core/format.js";
import { t } from "../core/i18n.js";
import { arrowKeys, reading, whenRead } from "../core/ui.js";
import { envelope, facts, payload, placeOf, recordRow } from "./record.js";

// Messages of a live tail that stay on the page.
const MAX_LIVE = 100;

/** The list. New messages are held back while it is read. */
export class MessageList {
  /** @param {() => void} changed */
  constructor(changed) {
    this.changed = changed;
    /** @type {Message[]} */
    this.messages = [];
    /** @type {Message[]} */
    this.held = [];
    this.allOpen = false;
    // Counts the lists that were shown: no row of one is taken for a row of the next.
    this.shows = 0;
    /** @type {HTMLElement | null} */
    this.node = null;
  }

  /** Show what was held back once the list is not read any more. @param {HTMLElement} node */
  watch(node) {
    this.node = node;
    arrowKeys(node, "summary");
    whenRead(node, () => this.held.length && !reading(node) && this.release());
  }

  /** Show these messages, and no others. @param {Message[]} messages */
  show(messages) {
    this.messages = messages;
    this.held = [];
    this.shows += 1;
    this.changed();
  }

  /** Add messages on top, newest first, or hold them back. @param {Message[]} messages */
  add(messages) {
    this.held = [...messages, ...this.held].slice(0, MAX_LIVE);
    if (this.node && reading(this.node)) this.changed();
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
    const keyOf = (/** @type {Message} */ message) => `${this.shows}|${placeOf(message)}`;
    return html`<div class="q-list messages" aria-label=${t("messages.title")} aria-busy=${busy}>${
      repeat(this.messages, keyOf, (message) => recordRow(message, {
        key: keyOf(message), test: "kafka-message", isOpen: this.allOpen, content: () => content(message),
        note: html`<span class="q-reason dim">${bytes(message.bytes)}</span>`,
      }))}</div>`;
  }
}

/** @param {Message} message */
function content(message) {
  return html`${facts([[t("record.appended"), dateTime(message.append_ms)], ...envelope(message)])}${payload(message)}`;
}
