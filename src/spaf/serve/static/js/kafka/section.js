// The Kafka panel: topics and groups on one side, the chosen one on the other.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { latest, on } from "../core/events.js";
import { t } from "../core/i18n.js";
import { getJson } from "../core/server.js";
import { choice, errorText, panel, sectionHead, whenNear } from "../core/ui.js";
import { foreign } from "../core/untrusted_text.js";
import { clusterLists } from "./cluster_lists.js";
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
export const mount = (section) => new Kafka(section);

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
    this.withInternal = false;
    // The text of the names that are searched.
    this.contains = "";
    const place = document.createElement("div");
    place.className = "kafka-messages";
    this.messages = new Messages(place);
    this.messagesNode = place;
    this.redraw = panel(section, [], () => this.#template());
    on("browse", (shown) => this.#browse(shown));
    whenNear(section, (near) => {
      clearInterval(this.timer);
      if (!near) return;
      this.#load();
      this.timer = setInterval(() => document.hidden || this.#load(), REFRESH_MS);
    });
  }

  /** Read the lists, and what the open tab shows. */
  async #load() {
    try {
      this.overview = await getJson("/api/kafka", { contains: this.contains || null });
      this.error = null;
      // First the topic of the sales, if the cluster has it.
      const names = this.overview?.topics.map(({ name }) => name) ?? [];
      const own = latest("snapshot")?.run.topic;
      if (!this.topic && !this.group) this.topic = names.find((name) => name === own) ?? names[0] ?? null;
      if (this.topic) this.messages.choose(this.topic, this.#partitions());
      await this.#loadDetail();
    } catch (error) {
      this.error = error;
    }
    this.redraw();
  }

  /** Read what the open tab shows; messages are read only when they are asked for. */
  async #loadDetail() {
    const { topic, group, tab } = this;
    const [folder, name] = group ? ["groups", group] : ["topics", tab === "messages" ? null : topic];
    if (!name) return;
    const detail = await getJson(`/api/kafka/${folder}/${encodeURIComponent(name)}`);
    if (topic === this.topic && group === this.group && tab === this.tab) this.detail = detail;
  }

  #partitions() {
    return this.overview?.topics.find(({ name }) => name === this.topic)?.partitions ?? 1;
  }

  /** Show something else. @param {Partial<Pick<Kafka, "topic" | "group" | "tab">>} what */
  #open(what) {
    Object.assign(this, { detail: null, ...what });
    if (this.topic) this.messages.choose(this.topic, this.#partitions());
    this.redraw();
    return this.#load();
  }

  /** Show a place in the topic of the sales. @param {LogPlace} place */
  async #browse(place) {
    if (!this.overview) await this.#load();
    this.#open({ topic: latest("snapshot")?.run.topic ?? this.topic, group: null, tab: "messages" });
    this.section.scrollIntoView();
    this.messages.show(place);
  }

  #template() {
    const { overview, topic, group, tab, detail } = this;
    this.section.classList.toggle("unread", !overview);
    this.messagesNode.hidden = Boolean(group) || tab !== "messages" || !topic;
    const brokers = (overview?.brokers ?? []).map((broker) => broker.address);
    const detailOf = group ? groupView : tab === "partitions" ? partitionsView : configView;
    return html`${sectionHead(this.section.id, t("kafka.title"), html`<span class="sub">${
      overview ? t("kafka.brokers", { brokers: brokers.join(", ") }) : ""}</span>`)}<p class="failure" role="status"
      ?hidden=${!this.error}>${this.error ? errorText(this.error) : ""}</p><div class="kafka">${
      this.#lists()}<div class="kafka-main"><div
      class="kafka-top"><h3 class="kafka-name">${foreign(group ?? topic ?? "")}</h3>${group || !topic ? nothing
        : choice(t("kafka.tabs"), TABS, {
          pressed: tab, test: "kafka-tab-", text: (name) => t(`kafka.tab.${name}`), choose: (name) => this.#open({ tab: name }),
        })}</div><div class="kafka-pane">${detail ? detailOf(detail, group ?? "") : nothing}</div>${this.messagesNode}</div></div>`;
  }

  #lists() {
    const { overview, topic, group, withInternal, contains } = this;
    // Where there was no first answer, the section says why.
    const unknown = this.error ? "" : t("record.loading");
    return clusterLists({ overview, topic, group, unknown, withInternal, contains }, {
      choose: (nextTopic, nextGroup) => this.#open({ topic: nextTopic, group: nextGroup }),
      search: (text) => {
        this.contains = text;
        this.#load();
      },
      showInternal: (shown) => {
        this.withInternal = shown;
        this.redraw();
      },
    });
  }
}
