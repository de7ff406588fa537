// The drawing itself: uPlot with stacked areas or lines, and a lane for the marks of anomalies.

import { minute } from "../core/format.js";
import { colour } from "../core/theme.js";

const LIBRARY = "/static/vendor/uPlot.iife.min.js";
const LANE = 16; // height of the lane of marks above the drawing, px
const NEAR = 7; // a mark so near to the pointer is meant, px
// With more marks than this only the lane shows them: their lines would hide the sales.
const MAX_LINES = 40;
const MIN_AXIS_PX = 52; // the width of the labels at the left, px
const AXIS_GAP_PX = 6; // between them and the drawing, px
const MIN_DRAG_PX = 6; // a shorter drag is a click, px

let library = null;

// Loaded when the first chart is wanted, so that the first numbers need not wait for it.
function load() {
  library ??= new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = LIBRARY;
    script.onload = () => resolve(window.uPlot);
    script.onerror = () => reject(new Error(`${LIBRARY} did not load`));
    document.head.append(script);
  });
  return library;
}

export function createPlot(node, app, on) {
  let plot = null;
  let shape = ""; // what of the input the present uPlot was built for
  let input = null;
  let marked = null;
  let top = 0;

  load().then(() => input && draw(input)).catch((error) => console.error(error));
  new ResizeObserver(() => plot && plot.setSize(size())).observe(node);

  function draw(next) {
    input = next;
    if (!window.uPlot) return;
    const places = visiblePlaces();
    const wanted = `${next.form}|${places}`;
    if (plot && wanted !== shape) destroy();
    const data = next.form === "stacked" ? stacked(places) : lines(places);
    const most = Math.max(0, ...data.slice(1).map((line) => line.reduce((a, b) => Math.max(a, b), 0)));
    top = most ? ceiling(most, top) : next.least;
    if (!plot) {
      shape = wanted;
      plot = new window.uPlot(options(places), data, node);
    } else {
      plot.setData(data);
    }
  }

  function destroy() {
    plot.destroy();
    plot = null;
    top = 0;
  }

  function visiblePlaces() {
    const known = app.state.palette.names.length;
    return input.lines.map((_, place) => place)
      .filter((place) => !input.hidden.has(place) && (place < known || input.lines[place].some(Boolean)));
  }

  const scaled = (place) => input.lines[place].map((value) => value * input.scale);
  const lines = (places) => [input.frame.x, ...places.map(scaled)];

  // The sums from below, the highest first: each lower area then covers the foot of the one before.
  function stacked(places) {
    const sums = [];
    let below = new Array(input.frame.x.length).fill(0);
    for (const place of places) {
      below = scaled(place).map((value, i) => value + below[i]);
      sums.unshift(below);
    }
    return [input.frame.x, ...sums];
  }

  const size = () => ({ width: Math.max(120, node.clientWidth), height: Math.max(120, node.clientHeight) });

  function options(places) {
    const area = input.form === "stacked";
    const order = area ? [...places].reverse() : places;
    const paint = (place) => colour(app.state.palette.property(place));
    const axis = { stroke: colour("--ink-2"), font: font(), ticks: { show: false }, labelGap: 0 };
    return {
      ...size(),
      padding: [LANE + 4, 26, 0, 0],
      legend: { show: false },
      cursor: {
        y: false, points: { show: false },
        drag: { x: true, y: false, setScale: false },
        bind: { dblclick: () => () => on.back() },
      },
      scales: {
        x: { time: true, range: () => [input.frame.from, lastPoint(input.frame)] },
        y: { range: () => [0, top] },
      },
      series: [{}, ...order.map((place) => ({
        stroke: area ? colour("--paper") : paint(place),
        width: area ? 0.5 : 1.6,
        fill: area ? paint(place) : undefined,
        points: { show: false },
      }))],
      axes: [
        { ...axis, size: 26, gap: 4, space: 70, grid: { show: false }, values: times },
        {
          ...axis, size: wide, gap: AXIS_GAP_PX, space: 44, grid: { stroke: colour("--rule"), width: 1 },
          values: (u, splits, _, space, step) => splits.map((value) => input.label(value, step)),
        },
      ],
      hooks: { draw: [drawMarks], setCursor: [moved], setSelect: [selected], ready: [listen] },
    };
  }

  function times(u, splits, _, space, step) {
    return splits.map((second) => (step >= 60 ? minute(second * 1_000) : app.time(second * 1_000)));
  }

  // As wide as the longest of the labels: "R$ 1,25 mil" is longer than "120".
  function wide(u, labels) {
    // uPlot remembers its own font, which is larger where a pixel of the page is several of the screen.
    const own = u.ctx.font;
    u.ctx.font = font();
    const widest = Math.max(0, ...(labels ?? []).map((label) => u.ctx.measureText(label).width));
    u.ctx.font = own;
    return Math.max(MIN_AXIS_PX, Math.ceil(widest) + AXIS_GAP_PX + 2);
  }

  function font() {
    const style = getComputedStyle(node);
    return `${Math.round(parseFloat(style.fontSize) * 0.82)}px ${style.fontFamily}`;
  }

  function drawMarks(u) {
    const { ctx } = u;
    const ratio = window.devicePixelRatio;
    const { left, top: y0, width, height } = u.bbox;
    ctx.save();
    ctx.beginPath();
    ctx.rect(left - 6 * ratio, y0 - LANE * ratio, width + 12 * ratio, height + LANE * ratio);
    ctx.clip();
    for (const mark of input.marks) {
      const x = u.valToPos(mark.at, "x", true);
      ctx.fillStyle = ctx.strokeStyle = colour("--alarm");
      ctx.globalAlpha = mark === marked ? 1 : 0.85;
      triangle(ctx, x, y0 - (LANE / 2) * ratio, (mark === marked ? 5.5 : 4) * ratio, mark.up, mark.wide);
      if (mark !== marked && input.marks.length > MAX_LINES) continue;
      ctx.globalAlpha = mark === marked ? 0.9 : 0.2;
      ctx.lineWidth = ratio;
      ctx.beginPath();
      ctx.moveTo(Math.round(x) + 0.5, y0);
      ctx.lineTo(Math.round(x) + 0.5, y0 + height);
      ctx.stroke();
    }
    ctx.restore();
  }

  function listen(u) {
    u.over.addEventListener("click", () => marked && on.press(marked.anomaly));
    u.over.addEventListener("mouseleave", () => hovered(u, null, null));
  }

  function moved(u) {
    const at = u.cursor.left;
    if (at === undefined || at < 0) return hovered(u, null, null);
    const near = input.marks.filter((mark) => Math.abs(u.valToPos(mark.at, "x") - at) <= NEAR);
    near.sort((a, b) => Math.abs(u.valToPos(a.at, "x") - at) - Math.abs(u.valToPos(b.at, "x") - at));
    hovered(u, u.cursor.idx ?? null, near[0] ?? null);
  }

  function hovered(u, index, mark) {
    if (mark !== marked) {
      marked = mark;
      u.over.style.setProperty("cursor", mark ? "pointer" : "");
      u.redraw(false);
    }
    on.hover(index, mark);
  }

  function selected(u) {
    const { left, width } = u.select;
    if (width < MIN_DRAG_PX) return;
    const from = u.posToVal(left, "x");
    const to = u.posToVal(left + width, "x");
    u.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    on.select(from, to);
  }

  return {
    draw,
    // Colours or words have changed: the next drawing is made anew.
    renew: () => { shape = ""; },
    hovered: () => plot !== null && plot.cursor.left >= 0,
  };
}

const lastPoint = ({ from, to, step }) => Math.max(to - step, from + 1);

// The next round number above; the last one stays while the drawing fills at least half of it, so
// that the axis does not breathe with every second.
function ceiling(value, last) {
  if (value <= last && value >= last * 0.5) return last;
  const unit = 10 ** Math.floor(Math.log10(value * 1.05));
  return [1, 1.2, 1.5, 2, 2.5, 3, 4, 5, 6, 8, 10].find((n) => n * unit >= value * 1.05) * unit;
}

// A filled triangle for a single sale, an outlined one for the traffic of a whole second.
function triangle(ctx, x, y, r, up, outlined) {
  const tip = up ? -1 : 1;
  ctx.beginPath();
  ctx.moveTo(x, y + tip * r);
  ctx.lineTo(x + r, y - tip * r);
  ctx.lineTo(x - r, y - tip * r);
  ctx.closePath();
  if (!outlined) return ctx.fill();
  ctx.lineWidth = window.devicePixelRatio * 1.5;
  ctx.stroke();
}
