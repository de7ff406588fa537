// The Kafka view: topics and groups on one side, what is in the chosen one on the other.

import { ClusterLists } from "./cluster_lists.js";
import { MessagesTab } from "./messages.js";
import { configParts, groupParts, partitionParts } from "./topic_detail.js";
import { changed, heading, say, sayIn, sentence, whenSeen } from "../core/ui.js";
import { foreign } from "../core/untrusted_text.js";

// How often the lists are read again while the section is on the screen: lag is worth watching,
// but each look opens connections to the broker.
const POLL_MS = 10_000;
const TABS = ["messages", "partitions", "config"];

// Build the section into its place on the page. Other sections ask it with `browse` to show a place
// in the sales' topic: `{partition, offset}` or `{time_ms}`.
export function mount(section, app) {
  const view = new Kafka(section, app);
  app.on("browse", (where) => view.browse(where));
}

class Kafka {
  constructor(section, app) {
    this.app = app;
    this.section = section;
    this.topic = null;
    this.group = null;
    this.tab = "messages";
    this.overview = null;
    this.about = null;
    this.#build();
    whenSeen(section, (seen) => this.#watch(seen));
    app.on("language", () => this.draw());
  }

  #build() {
    const { app, section } = this;
    this.brokers = app.el("span", { class: "sub" });
    this.told = app.el("p", { class: "failure", role: "status", hidden: true });
    this.lists = new ClusterLists(app, (topic, group) => this.#choose(topic, group),
      () => this.look());
    this.name = app.el("h3", { class: "kafka-name" });
    this.tabs = sayIn(app, app.el("div", { class: "choice", role: "group" }), "aria-label",
      "kafka.tabs");
    this.tabs.append(...TABS.map((tab) => say(app, app.el("button", { type: "button",
      "data-tab": tab, "data-test": `kafka-tab-${tab}`, onclick: () => this.#turn(tab) }),
    `kafka.tab.${tab}`)));
    this.pane = app.el("div", { class: "kafka-pane" });
    this.messages = new MessagesTab(app);
    section.append(heading(app, section, "kafka.title", this.brokers), this.told,
      app.el("div", { class: "kafka" }, this.lists.root,
        app.el("div", { class: "kafka-main" },
          app.el("div", { class: "kafka-top" }, this.name, this.tabs), this.pane,
          this.messages.root)));
    this.draw();
  }

  #watch(seen) {
    clearInterval(this.timer);
    if (!seen) return;
    this.look();
    this.timer = setInterval(() => document.hidden || this.look(), POLL_MS);
  }

  async look() {
    try {
      this.overview = await this.app.api("/api/kafka", { contains: this.lists.contains || null });
      this.told.hidden = true;
      const own = this.app.get("snapshot")?.run?.topic;
      const { topics } = this.overview;
      if (!this.topic && !this.group) {
        this.topic = topics.find(({ name }) => name === own)?.name ?? topics[0]?.name ?? null;
        this.messages.choose(this.topic, this.#partitions());
      }
      await this.#lookCloser();
    } catch (error) {
      this.told.textContent = sentence(this.app, error);
      this.told.hidden = false;
    }
    this.draw();
  }

  // Read what the open tab shows; messages are read only when they are asked for.
  async #lookCloser() {
    const { app, topic, group, tab } = this;
    if (group) {
      const about = await app.api(`/api/kafka/groups/${encodeURIComponent(group)}`);
      if (group === this.group) this.about = about;
    } else if (topic && tab !== "messages") {
      const about = await app.api(`/api/kafka/topics/${encodeURIComponent(topic)}`);
      if (topic === this.topic) this.about = about;
    }
  }

  #partitions() {
    return this.overview?.topics.find(({ name }) => name === this.topic)?.partitions ?? 1;
  }

  #choose(topic, group) {
    this.topic = topic;
    this.group = group;
    this.about = null;
    if (topic) this.messages.choose(topic, this.#partitions());
    this.draw();
    this.look();
  }

  #turn(tab) {
    this.tab = tab;
    this.about = null;
    this.draw();
    this.look();
  }

  async browse(where) {
    if (!this.overview) await this.look();
    const own = this.app.get("snapshot")?.run?.topic ?? this.topic;
    this.topic = own;
    this.group = null;
    this.tab = "messages";
    // What was read of a group is nothing that a topic's tab could show.
    this.about = null;
    this.draw();
    this.messages.choose(own, this.#partitions());
    this.section.scrollIntoView();
    this.messages.show(where);
  }

  draw() {
    const { app, overview, topic, group, tab } = this;
    this.brokers.textContent = overview
      ? app.t("kafka.brokers", { brokers: overview.brokers.map(brokerName).join(", ") }) : "";
    this.lists.draw({ overview, topic, group, failed: !this.told.hidden });
    this.name.replaceChildren(foreign(app, group ?? topic ?? ""));
    this.section.classList.toggle("unread", !overview);
    this.tabs.hidden = Boolean(group) || !topic;
    for (const button of this.tabs.children) {
      button.setAttribute("aria-pressed", String(button.dataset.tab === tab));
    }
    this.messages.root.hidden = Boolean(group) || tab !== "messages" || !topic;
    const shown = !this.about ? []
      : group ? groupParts(app, this.about, group)
        : tab === "partitions" ? partitionParts(app, this.about) : configParts(app, this.about);
    if (!changed(this.pane, [app.language(), topic, group, tab, this.about])) return;
    const opened = this.pane.querySelector("details")?.open;
    this.pane.replaceChildren(...shown);
    if (opened) this.pane.querySelector("details")?.setAttribute("open", "");
  }
}

function brokerName(broker) {
  return typeof broker === "string" ? broker : broker.address;
}
