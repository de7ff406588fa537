// Details of one topic or group of Kafka, as tables.

import { html, nothing } from "../../vendor/lit-html/lit-html.js";
import { number } from "../core/format.js";
import { t } from "../core/i18n.js";
import { orDash, textOr } from "../core/ui.js";
import { foreign } from "../core/untrusted_text.js";

// The group that the job commits to; the page explains how Flink uses groups.
const JOB_GROUP = "spaf-job";

/** Return the text of a group's state. @param {string} state */
export function groupState(state) {
  return textOr(`kafka.state.${String(state).toLowerCase()}`, state);
}

/** @param {string[]} columns @param {number} texts how many of them, the first ones, are no numbers @param {Content[][]} rows */
function table(columns, texts, rows) {
  const classOf = (/** @type {number} */ i) => (i < texts ? "" : "n");
  const cell = (/** @type {Content} */ content, /** @type {number} */ i) => (i
    ? html`<td class=${classOf(i)}>${content}</td>` : html`<th class=${classOf(i)} scope="row">${content}</th>`);
  return html`<div class="scroll-x"><table><thead><tr>${columns.map((key, i) =>
    html`<th scope="col" class=${classOf(i)}>${t(`kafka.col.${key}`)}</th>`)}</tr></thead><tbody>${rows.map((row) =>
    html`<tr>${row.map(cell)}</tr>`)}</tbody></table></div>`;
}

/** Return the partitions of a topic. @param {TopicDetail} topic */
export function partitionsView({ partitions }) {
  return table(["partition", "begin", "end", "records", "leader"], 0, partitions.map(({ partition, begin, end, leader }) =>
    [number(partition), number(begin), number(end), number(end - begin), String(leader)]));
}

/** Return the configuration of a topic, its own settings first. @param {TopicDetail} topic */
export function configView({ config }) {
  const own = config.filter((entry) => !entry.default);
  const usual = config.filter((entry) => entry.default);
  return html`${own.length ? configTable(own) : html`<p class="empty">${t("kafka.all_default")}</p>`}<details
    class="usual"><summary>${t("kafka.usual", { n: number(usual.length) })}</summary>${configTable(usual)}</details>`;
}

/** @param {TopicDetail["config"]} entries */
function configTable(entries) {
  return table(["name", "value", "origin"], 3, entries.map((entry) => [
    foreign(entry.name), foreign(entry.value),
    entry.default ? t("kafka.is_default") : html`<strong class="differs">${t("kafka.differs")}</strong>`,
  ]));
}

/** Return the state, lag and members of a group. @param {GroupDetail} group @param {string} name */
export function groupView({ state, members = [], partitions = [] }, name) {
  const lag = partitions.reduce((sum, each) => sum + (each.lag ?? 0), 0);
  const summary = t("kafka.group", { state: groupState(state), members: number(members.length), lag: number(lag) });
  const offsets = table(["topic", "partition", "committed", "end", "lag"], 1, partitions.map((each) =>
    [foreign(each.topic), number(each.partition), orDash(each.committed, number), number(each.end), orDash(each.lag, number)]));
  return html`<p class="note">${summary}</p>${
    name === JOB_GROUP && !members.length ? html`<p class="note">${t("kafka.flink")}</p>` : nothing}${
    partitions.length ? offsets : html`<p class="empty">${t("kafka.no_offsets")}</p>`}${
    members.length ? html`<ul class="members">${members.map((member) =>
      html`<li>${foreign([member.client, member.host, ...member.partitions].filter(Boolean).join(" · "))}</li>`)}</ul>` : nothing}`;
}
