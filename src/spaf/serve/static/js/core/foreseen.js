// What is not wrong yet, and will be: a disk that is full in some days.

import { on } from "./events.js";
import { number } from "./format.js";
import { t } from "./i18n.js";
import { put } from "./ui.js";
import { escaped } from "./untrusted_text.js";

// A time of less than two days is shown in hours.
const MIN_DAYS = 2;

/** Write what is foreseen into an element, and hide it while nothing is. @param {HTMLElement} element */
export function startForeseen(element) {
  on("pipeline", (pipeline) => {
    const disk = pipeline?.disk;
    element.hidden = !disk?.soon;
    if (disk?.soon) put(element, diskText(disk));
  });
}

/** Return when the disk is full. @param {DiskOutlook} disk */
export function diskText(disk) {
  const values = {
    folder: escaped(disk.folder),
    time: disk.days < MIN_DAYS ? t("disk.hours", { number: number(disk.hours, 1) })
      : t("disk.days", { number: number(disk.days, 1) }),
    free: number(disk.free_gib, 1),
    day: number(disk.gib_per_day, 1),
    measured: number(disk.measured_hours, 1),
  };
  return t("disk.soon", values);
}
