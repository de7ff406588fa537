// The Kafka view: topics and groups on one side, what is in the chosen one on the other.

import { KafkaMessages } from "./kafka_messages.js";
import { configParts, groupParts, partitionParts, stateName } from "./kafka_parts.js";
import { changed, heading, say, sayIn, sentence, whenSeen } from "./panel.js";
import { WORDS } from "./panel_words.js";
import { foreign } from "./text.js";

// How often the lists are read again while the section is on the screen: lag is worth watching,
// but each look opens connections to the broker.
const LOOK_MS = 10_000;
const TABS = ["messages", "partitions", "config"];

let view = null;

// Build the section into its place on the page.
export function mount(section, app) {
  app.addWords(WORDS);
  view = new Kafka(section, app);
}

// Show messages of the sales' topic from a place: `{partition, offset}` or `{time_ms}`.
export function browse(where) {
  view?.browse(where);
}

class Kafka {
  constructor(section, app) {
    this.app = app;
    this.section = section;
    this.topic = null;
    this.group = null;
    this.tab = "messages";
    this.all = false;
    this.contains = "";
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
    this.topics = app.el("ul", { class: "pick" });
    this.groups = app.el("ul", { class: "pick" });
    this.name = app.el("h3", { class: "kafka-name" });
    this.tabs = sayIn(app, app.el("div", { class: "choice", role: "group" }), "aria-label",
      "kafka.tabs");
    this.tabs.append(...TABS.map((tab) => say(app, app.el("button", { type: "button",
      "data-tab": tab, "data-test": `kafka-tab-${tab}`, onclick: () => this.#turn(tab) }),
    `kafka.tab.${tab}`)));
    this.pane = app.el("div", { class: "kafka-pane" });
    this.messages = new KafkaMessages(app);
    this.search = sayIn(app, app.el("input", { type: "search", autocomplete: "off",
      maxlength: "249", "data-test": "kafka-search", onchange: () => {
        this.contains = this.search.value.trim();
        this.look();
      } }), "aria-label", "kafka.search");
    sayIn(app, this.search, "placeholder", "kafka.search");
    this.left = app.el("p", { class: "empty" });
    const internal = app.el("input", { type: "checkbox", id: "kafka-internal",
      onchange: () => { this.all = internal.checked; this.draw(); } });
    section.append(heading(app, section, "kafka.title", this.brokers), this.told,
      app.el("div", { class: "kafka" },
        app.el("nav", { class: "kafka-side" }, say(app, app.el("h3"), "kafka.topics"), this.topics,
          app.el("p", { class: "check" }, internal,
            say(app, app.el("label", { for: "kafka-internal" }), "kafka.internal")),
          say(app, app.el("h3"), "kafka.groups"), this.groups, this.left,
          this.search),
        app.el("div", { class: "kafka-main" },
          app.el("div", { class: "kafka-top" }, this.name, this.tabs), this.pane,
          this.messages.root)));
    sayIn(app, section.querySelector("nav"), "aria-label", "kafka.lists");
    this.draw();
  }

  #watch(seen) {
    clearInterval(this.timer);
    if (!seen) return;
    this.look();
    this.timer = setInterval(() => document.hidden || this.look(), LOOK_MS);
  }

  async look() {
    try {
      this.overview = await this.app.api("/api/kafka", { contains: this.contains || null });
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
    this.draw();
    this.messages.choose(own, this.#partitions());
    this.section.scrollIntoView();
    this.messages.show(where);
  }

  draw() {
    const { app, overview, topic, group, tab } = this;
    this.brokers.textContent = overview
      ? app.t("kafka.brokers", { brokers: overview.brokers.map(brokerName).join(", ") }) : "";
    redraw(this.topics, topicLines(app, this));
    redraw(this.groups, groupLines(app, this));
    const left = (overview?.topics_left_out ?? 0) + (overview?.groups_left_out ?? 0);
    this.left.hidden = !left;
    this.left.textContent = app.t("kafka.left_out", { n: app.number(left) });
    this.search.hidden = !left && !this.contains;
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

  pick(topic, group) {
    this.#choose(topic, group);
  }
}

// Replace a list of buttons and keep the focus where it was.
function redraw(list, items) {
  const focused = list.contains(document.activeElement) && document.activeElement.dataset.name;
  list.replaceChildren(...items);
  if (focused) list.querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus();
}

function brokerName(broker) {
  return typeof broker === "string" ? broker : broker.address;
}

// Before the first answer nothing is known; where there was none the section says why.
function reading(app, kafka) {
  return kafka.told.hidden ? [app.el("li", { class: "empty", text: app.t("record.loading") })] : [];
}

function topicLines(app, kafka) {
  if (!kafka.overview) return reading(app, kafka);
  const topics = kafka.overview?.topics ?? [];
  const shown = topics.filter(({ internal, name }) =>
    kafka.all || !internal || name === kafka.topic);
  return shown.map(({ name, partitions, records }) => pick(app, name, name === kafka.topic,
    () => kafka.pick(name, null), records === null ? "–" : app.number(records),
    app.t(partitions === 1 ? "kafka.one_partition" : "kafka.n_partitions",
      { n: app.number(partitions) })));
}

function groupLines(app, kafka) {
  if (!kafka.overview) return reading(app, kafka);
  const { groups } = kafka.overview;
  if (!groups.length) return [app.el("li", { class: "empty", text: app.t("kafka.no_groups") })];
  return groups.map(({ name, state, lag }) => pick(app, name, name === kafka.group,
    () => kafka.pick(null, name),
    lag === null ? "–" : app.t("kafka.lag_n", { n: app.number(lag) }), stateName(app, state)));
}

function pick(app, name, chosen, onclick, figure, sub) {
  return app.el("li", {}, app.el("button", { type: "button", "data-name": name, onclick,
    "aria-current": chosen ? "true" : null },
  app.el("span", { class: "pick-name" }, foreign(app, name)),
  app.el("span", { class: "n", text: figure }), app.el("span", { class: "sub", text: sub })));
}
