// Anomalies on the chart, at the moment when they happened, not when they were detected.

import { on } from "../core/events.js";
import { number, time } from "../core/format.js";
import { t } from "../core/i18n.js";
import { palette } from "../core/state.js";
import { kindName } from "../core/ui.js";
import { escaped } from "../core/untrusted_text.js";

// The newest anomalies that the chart marks; the feed keeps its own.
const KEPT = 300;
/** @type {Annotation[]} newest first */
let annotations = [];

/** Collect the anomalies of the stream. @param {() => void} changed */
export function startAnnotations(changed) {
  on("snapshot", ({ anomalies }) => {
    annotations = anomalies.map(annotation);
    changed();
  });
  on("anomalies", ({ anomalies }) => {
    annotations = [...anomalies.map(annotation), ...annotations].slice(0, KEPT);
    changed();
  });
}

/** @param {Anomaly} anomaly */
function annotation(anomaly) {
  return { at: anomaly.second ?? (anomaly.detected_ms - (anomaly.known_after_ms ?? 0)) / 1_000, anomaly };
}

/** Return the annotations of a frame, but for those of hidden places. @param {ChartFrame} frame @param {PlotInput["isHidden"]} isHidden */
export function annotationsWithin({ from, to }, isHidden) {
  return annotations.filter(({ at, anomaly }) => at >= from && at <= to && !isHidden(palette.place(anomaly.category)));
}

/** Return what an annotation says when it is pointed at. @param {Annotation} annotation */
export function annotationText({ at, anomaly }) {
  return t("chart.mark", {
    time: time(at * 1_000), kind: kindName(anomaly.kind), category: escaped(anomaly.category),
    score: number(Math.abs(anomaly.score), 1),
  });
}
