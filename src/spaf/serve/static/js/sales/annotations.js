// Anomalies on the chart: when they happened, not when they were found.

// The feed keeps its own; the chart marks at most so many of the newest.
const KEPT = 300;

export function createAnnotations(app, changed) {
  let marks = [];

  app.on("snapshot", (data) => {
    marks = data.anomalies.map(place);
    changed();
  });
  app.on("anomalies", (data) => {
    marks = [...data.anomalies.map(place), ...marks].slice(0, KEPT);
    changed();
  });

  function place(anomaly) {
    const at = anomaly.second ?? (anomaly.detected_ms - (anomaly.known_after_ms ?? 0)) / 1_000;
    const wide = anomaly.second !== undefined; // of all sales of a second
    return { at, anomaly, wide, up: wide ? anomaly.kind === "surge" : isAbove(anomaly) };
  }

  return {
    within: (from, to, hidden) => marks.filter((mark) => mark.at >= from && mark.at <= to
      && !hidden.has(app.state.palette.place(mark.anomaly.category))),
    words: (mark) => app.t("chart.mark", {
      time: app.time(mark.at * 1_000), kind: app.t(`kind.${mark.anomaly.kind}`),
      category: app.visible(mark.anomaly.category), score: app.number(Math.abs(mark.anomaly.score), 1),
    }),
  };
}

function isAbove(anomaly) {
  return BigInt(anomaly.amount) >= BigInt(Math.round(Number(anomaly.expected)));
}
