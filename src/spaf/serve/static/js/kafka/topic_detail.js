// What is told of one topic or group of Kafka, as tables.

import { known } from "../core/ui.js";
import { foreign } from "../core/untrusted_text.js";

// The group that the job commits to; of Flink's way with groups the page says a word.
const JOB_GROUP = "spaf-job";

// Return the words of a group's state.
export function stateName(app, state) {
  return known(app, `kafka.state.${String(state).toLowerCase()}`, state);
}

function table(app, columns, rows) {
  const head = columns.map(([key, number]) => app.el("th", { scope: "col",
    class: number ? "n" : "", text: app.t(key) }));
  return app.el("div", { class: "scroll-x" }, app.el("table", {},
    app.el("thead", {}, app.el("tr", {}, ...head)),
    app.el("tbody", {}, ...rows.map((cells) => app.el("tr", {}, ...cells.map((cell, i) => app.el(
      i ? "td" : "th", { class: columns[i][1] ? "n" : "", scope: i ? null : "row" }, cell)))))));
}

export function partitionParts(app, { partitions }) {
  return [table(app, [["kafka.col.partition", true], ["kafka.col.begin", true],
    ["kafka.col.end", true], ["kafka.col.records", true], ["kafka.col.leader", true]],
  partitions.map(({ partition, begin, end, leader }) => [app.number(partition), app.number(begin),
    app.number(end), app.number(end - begin), String(leader)]))];
}

export function configParts(app, { config }) {
  const own = config.filter((entry) => !entry.default);
  const usual = config.filter((entry) => entry.default);
  const line = (entry) => [foreign(app, entry.name), foreign(app, entry.value),
    entry.default ? app.t("kafka.is_default")
      : app.el("strong", { class: "differs", text: app.t("kafka.differs") })];
  const columns = [["kafka.col.name"], ["kafka.col.value"], ["kafka.col.origin"]];
  return [
    own.length ? table(app, columns, own.map(line))
      : app.el("p", { class: "empty", text: app.t("kafka.all_default") }),
    app.el("details", { class: "usual" },
      app.el("summary", { text: app.t("kafka.usual", { n: app.number(usual.length) }) }),
      table(app, columns, usual.map(line))),
  ];
}

export function groupParts(app, { state, members = [], partitions = [] }, name) {
  const flink = name === JOB_GROUP && !members.length
    ? [app.el("p", { class: "note", text: app.t("kafka.flink") })] : [];
  const lag = partitions.reduce((sum, each) => sum + (each.lag ?? 0), 0);
  return [
    app.el("p", { class: "note", text: app.t("kafka.group", { state: stateName(app, state),
      members: app.number(members.length), lag: app.number(lag) }) }),
    ...flink,
    partitions.length ? table(app, [["kafka.col.topic"], ["kafka.col.partition", true],
      ["kafka.col.committed", true], ["kafka.col.end", true], ["kafka.col.lag", true]],
    partitions.map(({ topic, partition, committed, end, lag: behind }) => [foreign(app, topic),
      app.number(partition), committed === null ? "–" : app.number(committed), app.number(end),
      behind === null ? "–" : app.number(behind)]))
      : app.el("p", { class: "empty", text: app.t("kafka.no_offsets") }),
    ...(members.length ? [app.el("ul", { class: "members" }, ...members.map((member) =>
      app.el("li", {}, foreign(app, memberName(member)))))] : []),
  ];
}

function memberName(member) {
  if (typeof member === "string") return member;
  return [member.client, member.host, ...member.partitions].filter(Boolean).join(" · ");
}
