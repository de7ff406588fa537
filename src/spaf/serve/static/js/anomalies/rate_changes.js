// When the load was given another rate while this page was open: nobody labels what that does.

import { latest } from "../core/ui.js";

// Return the moments, ms, oldest first; a stop is a rate of none, and another run begins anew.
export class RateChanges {
  constructor() {
    this.moments = [];
    this.rate = null;
    this.run = null;
  }

  // Take the load's newest state; one that tells no rate changes nothing.
  take(load, run, now) {
    if (run !== this.run) {
      this.moments = [];
      this.rate = null;
      this.run = run;
    }
    const rate = load?.state === "running" ? load.rate : load?.state === "stopped" ? 0 : null;
    if (rate === null || rate === this.rate) return;
    if (this.rate !== null) this.moments.push(now);
    this.rate = rate;
  }
}

// The latest moments that are named, so that a day of changes stays a sentence.
const MAX_NAMED = 3;

// Return a note that names them; it is not there while there are none.
export function rateNote(app) {
  const changes = new RateChanges();
  const note = app.el("p", { class: "note", hidden: true, "data-test": "rate-changed" });
  latest(app, "load", (load) => {
    changes.take(load, app.get("snapshot")?.run?.started_ms ?? null, app.state.now());
    const times = changes.moments.slice(-MAX_NAMED).map((ms) => app.time(ms)).join(", ");
    note.hidden = !times;
    app.put(note, app.t("detection.rate_changed", { times }));
  });
  return note;
}
