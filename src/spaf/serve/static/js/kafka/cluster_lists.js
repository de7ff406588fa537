// The topics and groups of the cluster, to choose one of.

import { stateName } from "./topic_detail.js";
import { say, sayIn } from "../core/ui.js";
import { foreign } from "../core/untrusted_text.js";

// Both lists; `choose` is called with a topic or a group, the other is null, and `look` when names
// are searched for that the lists leave out.
export class ClusterLists {
  constructor(app, choose, look) {
    this.app = app;
    this.choose = choose;
    this.all = false;
    this.contains = "";
    this.shown = {};
    this.#build(look);
  }

  #build(look) {
    const { app } = this;
    this.topics = app.el("ul", { class: "pick" });
    this.groups = app.el("ul", { class: "pick" });
    this.search = sayIn(app, app.el("input", { type: "search", autocomplete: "off",
      maxlength: "249", "data-test": "kafka-search", onchange: () => {
        this.contains = this.search.value.trim();
        look();
      } }), "aria-label", "kafka.search");
    sayIn(app, this.search, "placeholder", "kafka.search");
    this.left = app.el("p", { class: "empty" });
    const internal = app.el("input", { type: "checkbox", id: "kafka-internal",
      onchange: () => { this.all = internal.checked; this.draw(this.shown); } });
    this.root = sayIn(app, app.el("nav", { class: "kafka-side" },
      say(app, app.el("h3"), "kafka.topics"), this.topics,
      app.el("p", { class: "check" }, internal,
        say(app, app.el("label", { for: "kafka-internal" }), "kafka.internal")),
      say(app, app.el("h3"), "kafka.groups"), this.groups, this.left, this.search),
    "aria-label", "kafka.lists");
  }

  // Show `{overview, topic, group, failed}`: what is there, what of it is chosen, and whether the
  // last look at it failed.
  draw(shown) {
    const { app } = this;
    const { overview } = shown;
    this.shown = shown;
    redraw(this.topics, overview ? this.#topicLines(shown) : reading(app, shown));
    redraw(this.groups, overview ? this.#groupLines(shown) : reading(app, shown));
    const left = (overview?.topics_left_out ?? 0) + (overview?.groups_left_out ?? 0);
    this.left.hidden = !left;
    this.left.textContent = app.t("kafka.left_out", { n: app.number(left) });
    this.search.hidden = !left && !this.contains;
  }

  #topicLines({ overview, topic }) {
    const { app } = this;
    const shown = overview.topics.filter(({ internal, name }) =>
      this.all || !internal || name === topic);
    return shown.map(({ name, partitions, records }) => pick(app, name, name === topic,
      () => this.choose(name, null), records === null ? "–" : app.number(records),
      app.t(partitions === 1 ? "kafka.one_partition" : "kafka.n_partitions",
        { n: app.number(partitions) })));
  }

  #groupLines({ overview, group }) {
    const { app } = this;
    const { groups } = overview;
    if (!groups.length) return [app.el("li", { class: "empty", text: app.t("kafka.no_groups") })];
    return groups.map(({ name, state, lag }) => pick(app, name, name === group,
      () => this.choose(null, name),
      lag === null ? "–" : app.t("kafka.lag_n", { n: app.number(lag) }), stateName(app, state)));
  }
}

// Replace a list of buttons and keep the focus where it was.
function redraw(list, items) {
  const focused = list.contains(document.activeElement) && document.activeElement.dataset.name;
  list.replaceChildren(...items);
  if (focused) list.querySelector(`[data-name="${CSS.escape(focused)}"]`)?.focus();
}

// Before the first answer nothing is known; where there was none the section says why.
function reading(app, { failed }) {
  return failed ? [] : [app.el("li", { class: "empty", text: app.t("record.loading") })];
}

function pick(app, name, chosen, onclick, figure, sub) {
  return app.el("li", {}, app.el("button", { type: "button", "data-name": name, onclick,
    "aria-current": chosen ? "true" : null },
  app.el("span", { class: "pick-name" }, foreign(app, name)),
  app.el("span", { class: "n", text: figure }), app.el("span", { class: "sub", text: sub })));
}
