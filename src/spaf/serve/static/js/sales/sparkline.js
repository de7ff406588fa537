// A line of the last minute, as small as a word.

import { svg } from "../core/dom.js";

const WIDTH = 120;
const HEIGHT = 30;

export function createSparkline(label) {
  const area = svg("path", { class: "spark-area" });
  const line = svg("path", { class: "spark-line" });
  const node = svg("svg", {
    class: "spark", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, preserveAspectRatio: "none", role: "img", "aria-label": label,
  }, area, line);

  function draw(values) {
    const top = Math.max(...values, 1e-9);
    const x = (i) => ((i / (values.length - 1)) * WIDTH).toFixed(1);
    const y = (v) => (HEIGHT - 1 - (v / top) * (HEIGHT - 3)).toFixed(1);
    const path = values.map((v, i) => `${i ? "L" : "M"}${x(i)} ${y(v)}`).join("");
    line.setAttribute("d", path);
    area.setAttribute("d", `${path}L${WIDTH} ${HEIGHT}L0 ${HEIGHT}Z`);
  }

  return { node, draw, name: (text) => node.setAttribute("aria-label", text) };
}
