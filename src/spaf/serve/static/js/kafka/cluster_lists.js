// The topics and groups of the cluster, of which one can be chosen.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";
import { number } from "../core/format.js";
import { t } from "../core/i18n.js";
import { orDash } from "../core/ui.js";
import { foreign } from "../core/untrusted_text.js";
import { groupState } from "./topic_detail.js";

/** Both lists, and the search for names that they leave out. */
export class ClusterLists {
  /** @param {ClusterListEvents} events */
  constructor(events) {
    this.events = events;
    this.withInternal = false;
    this.contains = "";
  }

  /** @param {ClusterListsShown} shown */
  template(shown) {
    const leftOut = (shown.overview?.topics_left_out ?? 0) + (shown.overview?.groups_left_out ?? 0);
    const search = (/** @type {any} */ { target }) => {
      this.contains = target.value.trim();
      this.events.search();
    };
    const toggle = (/** @type {any} */ { target }) => {
      this.withInternal = target.checked;
      this.events.changed();
    };
    return html`<nav class="kafka-side" aria-label=${t("kafka.lists")}><h3>${t("kafka.topics")}</h3><ul class="pick">${
      this.#topics(shown)}</ul><p class="check"><input type="checkbox" id="kafka-internal" @change=${toggle}><label
      for="kafka-internal">${t("kafka.internal")}</label></p><h3>${t("kafka.groups")}</h3><ul class="pick">${
      this.#groups(shown)}</ul><p class="empty" ?hidden=${!leftOut}>${
      t("kafka.left_out", { n: number(leftOut) })}</p><input type="search" autocomplete="off" maxlength="249"
      data-test="kafka-search" aria-label=${t("kafka.search")} placeholder=${t("kafka.search")}
      ?hidden=${!leftOut && !this.contains} @change=${search}></nav>`;
  }

  /** @param {ClusterListsShown} shown */
  #topics({ overview, topic, failed }) {
    if (!overview) return loading(failed);
    const shown = overview.topics.filter(({ internal, name }) => this.withInternal || !internal || name === topic);
    return lines(shown.map(({ name, partitions, records }) => ({
      name, isChosen: name === topic, choose: () => this.events.choose(name, null), figure: orDash(records, number),
      sub: t(partitions === 1 ? "kafka.one_partition" : "kafka.n_partitions", { n: number(partitions) }),
    })));
  }

  /** @param {ClusterListsShown} shown */
  #groups({ overview, group, failed }) {
    if (!overview) return loading(failed);
    if (!overview.groups.length) return html`<li class="empty">${t("kafka.no_groups")}</li>`;
    return lines(overview.groups.map(({ name, state, lag }) => ({
      name, isChosen: name === group, choose: () => this.events.choose(null, name),
      figure: orDash(lag, (n) => t("kafka.lag_n", { n: number(n) })), sub: groupState(state),
    })));
  }
}

/** Before the first answer nothing is known; where there was none the section says why. @param {boolean} failed */
function loading(failed) {
  return failed ? [] : html`<li class="empty">${t("record.loading")}</li>`;
}

/** @param {ClusterLine[]} list */
function lines(list) {
  return repeat(list, ({ name }) => name, ({ name, isChosen, choose, figure, sub }) => html`<li><button type="button"
    data-name=${name} aria-current=${isChosen ? "true" : nothing} @click=${choose}><span class="pick-name">${foreign(name)}</span><span
    class="n">${figure}</span><span class="sub">${sub}</span></button></li>`);
}
