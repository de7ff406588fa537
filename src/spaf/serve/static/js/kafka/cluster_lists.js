// The topics and groups of the cluster, of which one can be chosen.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { repeat } from "../../vendor/lit-html/directives/repeat.js";
import { number } from "../core/format.js";
import { t } from "../core/i18n.js";
import { orDash } from "../core/ui.js";
import { foreign } from "../core/untrusted_text.js";
import { groupState } from "./topic_detail.js";

/** Return both lists, and the search. @param {ClusterListsShown} shown @param {ClusterListEvents} events */
export function clusterLists({ overview, topic, group, unknown, withInternal, contains }, events) {
  const leftOut = (overview?.topics_left_out ?? 0) + (overview?.groups_left_out ?? 0);
  const topics = overview?.topics.filter(({ internal, name }) => withInternal || !internal || name === topic);
  return html`<nav class="kafka-side" aria-label=${t("kafka.lists")}><h3>${t("kafka.topics")}</h3><ul class="pick">${
    lines(topics?.map(({ name, partitions, records }) => ({
      name, isChosen: name === topic, choose: () => events.choose(name, null), figure: orDash(records, number),
      sub: t(partitions === 1 ? "kafka.one_partition" : "kafka.n_partitions", { n: number(partitions) }),
    })), unknown)}</ul><p class="check"><input type="checkbox" id="kafka-internal"
    @change=${(/** @type {any} */ { target }) => events.showInternal(target.checked)}><label
    for="kafka-internal">${t("kafka.internal")}</label></p><h3>${t("kafka.groups")}</h3><ul class="pick">${
    lines(overview?.groups.map(({ name, state, lag }) => ({
      name, isChosen: name === group, choose: () => events.choose(null, name),
      figure: orDash(lag, (n) => t("kafka.lag_n", { n: number(n) })), sub: groupState(state),
    })), unknown, t("kafka.no_groups"))}</ul><p class="empty" ?hidden=${!leftOut}>${
    t("kafka.left_out", { n: number(leftOut) })}</p><input type="search" autocomplete="off" maxlength="249"
    data-test="kafka-search" aria-label=${t("kafka.search")} placeholder=${t("kafka.search")}
    ?hidden=${!leftOut && !contains} @change=${(/** @type {any} */ { target }) => events.search(target.value.trim())}></nav>`;
}

/** @param {ClusterLine[] | undefined} list undefined before the first answer @param {string} unknown @param {string} empty */
function lines(list, unknown, empty = "") {
  if (!list?.length) return html`<li class="empty">${list ? empty : unknown}</li>`;
  return repeat(list, ({ name }) => name, ({ name, isChosen, choose, figure, sub }) => html`<li><button type="button"
    data-name=${name} aria-current=${isChosen ? "true" : nothing} @click=${choose}><span class="pick-name">${foreign(name)}</span><span
    class="n">${figure}</span><span class="sub">${sub}</span></button></li>`);
}
