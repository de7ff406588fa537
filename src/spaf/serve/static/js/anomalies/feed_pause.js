// What pauses the feed: the button, or a reader who points at a row, has it in focus, or has scrolled down.

import { html } from "../../vendor/lit-html/lit-html.js";
import { number } from "../core/format.js";
import { t } from "../core/i18n.js";

const REASONS = ["button", "focus", "pointer", "scroll"];
// The list counts as scrolled beyond this, px.
const SCROLLED_PX = 8;

/** The button, its status, and the reasons for a pause. */
export class FeedPause {
  /**
   * @param {import("./anomaly_feed.js").AnomalyFeed} feed
   * @param {(waited: Anomaly[]) => void} changed is called with what has waited when nothing pauses the feed any more
   */
  constructor(feed, changed) {
    this.feed = feed;
    this.changed = changed;
    /** @type {Set<string>} */
    this.reasons = new Set();
    /** @type {HTMLElement | null} */
    this.list = null;
  }

  /** Pause while the list is read: its rows must not move then. @param {HTMLElement} list */
  watch(list) {
    this.list = list;
    list.addEventListener("pointerenter", ({ pointerType }) => pointerType === "mouse" && this.#set("pointer", true));
    list.addEventListener("pointerleave", () => this.#set("pointer", false));
    list.addEventListener("focusin", () => this.#set("focus", true));
    list.addEventListener("focusout", () => this.#set("focus", false));
    list.addEventListener("scroll", () => this.#set("scroll", list.scrollTop > SCROLLED_PX));
  }

  template() {
    const reason = REASONS.find((each) => this.reasons.has(each));
    const n = number(this.feed.waiting.length);
    const resume = this.feed.waiting.length ? t("anomalies.resume_n", { n }) : t("anomalies.resume");
    return html`<span class="feed-pause"><span class="feed-status${reason ? " held" : ""}">${
      reason ? t(`anomalies.paused.${reason}`, { n }) : ""}</span><button type="button" data-test="anomalies-pause"
      aria-pressed=${this.reasons.has("button")} @click=${() => this.#press()}>${reason ? resume : t("anomalies.pause")}</button></span>`;
  }

  #press() {
    if (this.reasons.size && !this.reasons.has("button")) {
      if (this.list) this.list.scrollTop = 0;
      this.reasons.clear();
      this.#apply();
    } else {
      this.#set("button", !this.reasons.has("button"));
    }
  }

  /** @param {string} reason @param {boolean} holds */
  #set(reason, holds) {
    if (holds === this.reasons.has(reason)) return;
    if (holds) this.reasons.add(reason);
    else this.reasons.delete(reason);
    this.#apply();
  }

  #apply() {
    this.changed(this.feed.pause(this.reasons.size > 0));
  }
}
