// Messages of a topic: from an offset, from a time, the newest, or as they come.

import { html } from "../../vendor/lit-html/lit-html.js";
import { number } from "../core/format.js";
import { t } from "../core/i18n.js";
import { address, apiError, getJson, newestJson } from "../core/server.js";
import { announce, byId, panel } from "../core/ui.js";
import { LIMIT, MessageForm } from "./message_form.js";
import { MessageList } from "./message_list.js";

// A tail that is refused is requested once more, as JSON: an EventSource does not say why. If it is not refused then,
// its answer does not end, ms.
const REFUSAL_MS = 2_000;

/** The form, the list under it and the live tail. */
export class Messages {
  /** @param {HTMLElement} node */
  constructor(node) {
    this.topic = "";
    /** @type {MessagesAnswer | null} */
    this.answer = null;
    /** @type {EventSource | null} */
    this.tail = null;
    // Whether the list is that of a tail, which may have ended.
    this.live = false;
    this.skipped = 0;
    this.get = newestJson();
    this.busy = false;
    this.redraw = () => {};
    this.list = new MessageList(() => this.redraw());
    this.form = new MessageForm(() => this.redraw(), (request) => this.#read(request));
    this.redraw = panel(node, ["payload"], () => this.#template());
    this.list.watch(/** @type {HTMLElement} */ (node.querySelector(".messages")));
  }

  /** Take another topic; its newest messages are shown at once. @param {string} topic @param {number} partitions */
  choose(topic, partitions) {
    if (topic === this.topic) return;
    this.topic = topic;
    this.answer = null;
    this.live = false;
    this.list.show([]);
    this.form.reset(partitions);
    this.#read(this.form.request());
  }

  /** Show messages from a time, or a record with those before and after it. @param {LogPlace} place */
  show(place) {
    const { offset } = place;
    this.form.fill(offset === undefined ? place : { ...place, offset: Math.max(0, offset - LIMIT / 2) });
    byId("kafka-value").focus({ preventScroll: true });
    this.#read(this.form.request());
  }

  /** Read messages, unless a tail is begun meanwhile. @param {Record<string, any>} request */
  async #read(request) {
    this.#stop();
    this.busy = true;
    this.redraw();
    const parameters = { topic: this.topic, ...request };
    const answer = await this.get("/api/kafka/messages", parameters).catch((error) => ({ error }));
    this.busy = false;
    if (answer.error && !this.tail) this.form.fail(answer.error);
    else if (!this.tail) {
      this.answer = answer;
      this.live = false;
      this.form.fail(null);
      this.list.show(request.last === undefined ? answer.messages : answer.messages.toReversed());
    }
    this.redraw();
  }

  /** @param {number} way -1 for earlier messages, 1 for later ones */
  #page(way) {
    const { messages, begin } = /** @type {MessagesAnswer} */ (this.answer);
    const { first, last } = offsetsOf(messages);
    const offset = way > 0 ? last + 1 : Math.max(begin, first - LIMIT);
    const limit = way > 0 ? LIMIT : Math.max(1, first - offset);
    const { partition } = messages[0];
    this.form.fill({ partition, offset });
    this.#read({ partition, offset, limit });
  }

  /** Follow the topic as it grows; the server limits what it sends and counts what it skips. */
  #follow() {
    this.skipped = 0;
    this.answer = null;
    this.live = true;
    this.list.show([]);
    this.tail = this.#openTail();
    announce(t("messages.following"));
  }

  #openTail() {
    const tail = new EventSource(address(`/api/kafka/tail?topic=${encodeURIComponent(this.topic)}`));
    const on = (/** @type {string} */ kind, /** @type {(data: any) => void} */ take) =>
      tail.addEventListener(kind, (event) => take(JSON.parse(event.data)));
    on("messages", ({ messages, skipped }) => {
      this.skipped += skipped;
      this.list.add(messages.toReversed());
    });
    on("problem", ({ error, ...details }) => this.form.fail(apiError(error, details)));
    on("end", () => this.#end(apiError(t("messages.ended"))));
    tail.onopen = () => this.form.fail(null);
    tail.onerror = async () => {
      if (tail.readyState !== EventSource.CLOSED || tail !== this.tail) return;
      const cut = apiError(t("messages.cut"));
      const options = { signal: AbortSignal.timeout(REFUSAL_MS) };
      this.#end(await getJson("/api/kafka/tail", { topic: this.topic }, options).then(() => cut, (error) => error));
    };
    return tail;
  }

  /** @param {unknown} error */
  #end(error) {
    this.#stop();
    this.form.fail(error);
  }

  #stop() {
    if (!this.tail) return;
    this.tail.close();
    this.tail = null;
    this.list.release();
    announce(t("messages.stopped"));
  }

  #template() {
    const { answer, tail, list } = this;
    const { first, last } = offsetsOf(answer?.messages ?? []);
    const several = Object.keys(answer?.partitions ?? {}).length > 1;
    const toggleAll = (/** @type {any} */ { target }) => list.openAll(target.checked);
    return html`${this.form.template(html`<button type="button" data-test="kafka-tail" aria-pressed=${Boolean(tail)}
      @click=${() => (tail ? this.#stop() : this.#follow())}>${t(tail ? "messages.stop" : "messages.tail")}</button><span
      class="check"><input type="checkbox" id="kafka-pretty" data-test="kafka-pretty" @change=${toggleAll}><label
      for="kafka-pretty">${t("messages.pretty")}</label></span>`)}<p class="note" data-test="kafka-told">${
      this.#summary(several)}</p>${list.template(this.busy)}<p class="pages" ?hidden=${!answer?.messages.length || several}><button
      type="button" ?disabled=${first <= (answer?.begin ?? 0)} @click=${() => this.#page(-1)}>${
      t("messages.earlier")}</button><button type="button" ?disabled=${last >= (answer?.end ?? 0) - 1}
      @click=${() => this.#page(1)}>${t("messages.later")}</button></p>`;
  }

  /** @param {boolean} several whether the messages are of several partitions */
  #summary(several) {
    const { answer, list } = this;
    const n = number(list.messages.length);
    if (this.live) {
      const values = { n, skipped: number(this.skipped), held: number(list.held.length) };
      return t(this.tail ? "messages.live" : "messages.was_live", values);
    }
    if (!answer) return t("record.loading");
    const values = { n, begin: number(answer.begin), end: number(answer.end) };
    if (!list.messages.length) return t("messages.none", values);
    return t(several ? "messages.several" : "messages.range", values);
  }
}

/** @param {Message[]} messages in the order of their time */
function offsetsOf(messages) {
  const offsets = messages.map(({ offset }) => offset);
  return { first: Math.min(...offsets), last: Math.max(...offsets) };
}
