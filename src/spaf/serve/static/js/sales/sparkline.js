// A line of the last minute, as small as a word.

import { html } from "../../vendor/lit-html/lit-html.js";

const WIDTH = 120;
const HEIGHT = 30;

/** Return the line of some values. @param {string} label @param {number[]} values */
export function sparkline(label, values) {
  const top = Math.max(...values, 1e-9);
  const x = (/** @type {number} */ i) => ((i / (values.length - 1)) * WIDTH).toFixed(1);
  const y = (/** @type {number} */ value) => (HEIGHT - 1 - (value / top) * (HEIGHT - 3)).toFixed(1);
  const line = values.map((value, i) => `${i ? "L" : "M"}${x(i)} ${y(value)}`).join("");
  const area = line && `${line}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`;
  return html`<svg class="spark" viewBox="0 0 ${WIDTH} ${HEIGHT}" preserveAspectRatio="none" role="img"
    aria-label=${label}><path class="spark-area" d=${area}></path><path class="spark-line" d=${line}></path></svg>`;
}
