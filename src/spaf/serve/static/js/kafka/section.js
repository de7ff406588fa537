// The Kafka panel: topics and groups on one side, the chosen one on the other.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { latest, on } from "../core/events.js";
import { t } from "../core/i18n.js";
import { getJson } from "../core/server.js";
import { choice, errorText, panel, sectionHead, whenNear } from "../core/ui.js";
import { foreign } from "../core/untrusted_text.js";
import { ClusterLists } from "./cluster_lists.js";
import { Messages } from "./messages.js";
import { configView, groupView, partitionsView } from "./topic_detail.js";

// How often the lists are read again while the section is on the screen, ms. Lag changes, but each reading opens
// connections to the broker.
const REFRESH_MS = 10_000;
const TABS = ["messages", "partitions", "config"];

/**
 * Build the section. Another panel shows a place in the topic of the sales here with the event `browse`.
 *
 * @param {HTMLElement} section
 */
export function mount(section) {
  const view = new Kafka(section);
  on("browse", (place) => view.browse(place));
}

class Kafka {
  /** @param {HTMLElement} section */
  constructor(section) {
    this.section = section;
    /** @type {string | null} */
    this.topic = null;
    /** @type {string | null} */
    this.group = null;
    this.tab = "messages";
    /** @type {KafkaOverview | null} */
    this.overview = null;
    /** @type {any} what the open tab shows: TopicDetail or GroupDetail */
    this.detail = null;
    /** @type {unknown} */
    this.error = null;
    this.timer = 0;
    this.lists = new ClusterLists({
      choose: (topic, group) => this.#choose(topic, group), search: () => this.load(), changed: () => this.redraw(),
    });
    const place = document.createElement("div");
    place.className = "kafka-messages";
    this.messages = new Messages(place);
    this.messagesNode = place;
    this.redraw = panel(section, [], () => this.#template());
    whenNear(section, (near) => this.#follow(near));
  }

  /** @param {boolean} near */
  #follow(near) {
    clearInterval(this.timer);
    if (!near) return;
    this.load();
    this.timer = setInterval(() => document.hidden || this.load(), REFRESH_MS);
  }

  /** Read the lists, and what the open tab shows. */
  async load() {
    try {
      const overview = await getJson("/api/kafka", { contains: this.lists.contains || null });
      this.overview = overview;
      this.error = null;
      if (!this.topic && !this.group) this.#chooseFirst(overview);
      await this.#loadDetail();
    } catch (error) {
      this.error = error;
    }
    this.redraw();
  }

  /** @param {KafkaOverview} overview */
  #chooseFirst({ topics }) {
    const own = latest("snapshot")?.run.topic;
    this.topic = topics.find(({ name }) => name === own)?.name ?? topics[0]?.name ?? null;
    if (this.topic) this.messages.choose(this.topic, this.#partitions());
  }

  /** Read what the open tab shows; messages are read only when they are asked for. */
  async #loadDetail() {
    const { topic, group, tab } = this;
    if (group) {
      const detail = await getJson(`/api/kafka/groups/${encodeURIComponent(group)}`);
      if (group === this.group) this.detail = detail;
    } else if (topic && tab !== "messages") {
      const detail = await getJson(`/api/kafka/topics/${encodeURIComponent(topic)}`);
      if (topic === this.topic && !this.group) this.detail = detail;
    }
  }

  #partitions() {
    return this.overview?.topics.find(({ name }) => name === this.topic)?.partitions ?? 1;
  }

  /** @param {string | null} topic @param {string | null} group */
  #choose(topic, group) {
    this.topic = topic;
    this.group = group;
    this.detail = null;
    if (topic) this.messages.choose(topic, this.#partitions());
    this.redraw();
    this.load();
  }

  /** @param {string} tab */
  #turn(tab) {
    this.tab = tab;
    this.detail = null;
    this.redraw();
    this.load();
  }

  /** Show a place in the topic of the sales. @param {LogPlace} place */
  async browse(place) {
    if (!this.overview) await this.load();
    const topic = latest("snapshot")?.run.topic ?? this.topic ?? "";
    this.topic = topic;
    this.group = null;
    this.tab = "messages";
    this.detail = null;
    this.redraw();
    this.messages.choose(topic, this.#partitions());
    this.section.scrollIntoView();
    this.messages.show(place);
  }

  #template() {
    const { overview, topic, group, tab } = this;
    this.section.classList.toggle("unread", !overview);
    this.messagesNode.hidden = Boolean(group) || tab !== "messages" || !topic;
    const brokers = (overview?.brokers ?? []).map((broker) => (typeof broker === "string" ? broker : broker.address));
    return html`${sectionHead(this.section.id, t("kafka.title"), html`<span class="sub">${
      overview ? t("kafka.brokers", { brokers: brokers.join(", ") }) : ""}</span>`)}<p class="failure" role="status"
      ?hidden=${!this.error}>${this.error ? errorText(this.error) : ""}</p><div class="kafka">${
      this.lists.template({ overview, topic, group, failed: Boolean(this.error) })}<div class="kafka-main"><div
      class="kafka-top"><h3 class="kafka-name">${foreign(group ?? topic ?? "")}</h3>${group || !topic ? nothing
        : choice(t("kafka.tabs"), TABS, {
          pressed: tab, test: "kafka-tab-", text: (name) => t(`kafka.tab.${name}`), choose: (name) => this.#turn(name),
        })}</div><div class="kafka-pane">${this.#detailView()}</div>${this.messagesNode}</div></div>`;
  }

  #detailView() {
    const { detail, group, tab } = this;
    if (!detail) return nothing;
    if (group) return groupView(detail, group);
    return tab === "partitions" ? partitionsView(detail) : configView(detail);
  }
}
