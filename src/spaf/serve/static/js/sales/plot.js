// The drawing itself: uPlot with stacked areas or lines, and a lane for the annotations above it.

import { minute, time } from "../core/format.js";
import { palette } from "../core/state.js";
import { colour } from "../core/theme.js";

const LIBRARY = "/static/vendor/uPlot.iife.min.js";
// Height of the lane of annotations, px.
const LANE_PX = 16;
// An annotation this near to the pointer is meant, px.
const NEAR_PX = 7;
// With more annotations than this only the lane shows them: their lines would hide the sales.
const MAX_LINES = 40;
// Width of the labels at the left, and the gap between them and the drawing, px.
const MIN_AXIS_PX = 52;
const AXIS_GAP_PX = 6;
// A shorter drag is a click, px.
const MIN_DRAG_PX = 6;
const MIN_SIZE_PX = 120;
// The vertical axis is higher than the drawing by this factor. It stays while the drawing fills at least half of it, so
// that it does not change with every second.
const HEADROOM = 1.2;
const MIN_FILLED = 0.5;

// Of a height and a width of 2, around the point that it marks.
const TRIANGLE = new Path2D("M0 -1L1 1H-1Z");

/** One drawing. */
export class Plot {
  /** @param {HTMLElement} node @param {PlotEvents} events */
  constructor(node, events) {
    this.node = node;
    this.events = events;
    /** @type {UPlot | null} */
    this.plot = null;
    // What of the input the present uPlot was built for. Without it, the next drawing is made anew.
    this.shape = "";
    /** @type {PlotInput | null} */
    this.input = null;
    /** @type {Annotation | null} */
    this.pointed = null;
    // Ends of the axes.
    this.from = 0;
    this.to = 0;
    this.top = 0;
    // uPlot is loaded with the first chart, so that the first numbers need not wait for it.
    const script = document.createElement("script");
    script.src = LIBRARY;
    script.addEventListener("load", () => this.input && this.draw(this.input));
    document.head.append(script);
    new ResizeObserver(() => this.plot?.setSize(this.#size())).observe(node);
  }

  /** @param {PlotInput} input */
  draw(input) {
    this.input = input;
    if (!window.uPlot) return;
    // What is not hidden; the others only if they sell.
    const places = [...input.lines.keys()].filter((place) => !input.isHidden(place)
      && (place < palette.names.length || input.lines[place].some(Boolean)));
    this.from = input.frame.from;
    this.to = Math.max(input.frame.to - input.frame.step, this.from + 1);
    const shape = `${input.form}|${places}`;
    if (shape !== this.shape) {
      this.plot?.destroy();
      this.plot = null;
      this.top = 0;
    }
    const lines = input.form === "stacked" ? stacked(input, places) : places.map((place) => perSecond(input, place));
    const highest = Math.max(0, ...lines.map((line) => line.reduce((a, b) => Math.max(a, b), 0)));
    if (!highest) this.top = input.minTop;
    else if (highest > this.top || highest < this.top * MIN_FILLED) this.top = highest * HEADROOM;
    const data = [input.frame.x, ...lines];
    if (this.plot) return this.plot.setData(data);
    this.shape = shape;
    this.plot = new window.uPlot(this.#options(input, places), data, this.node);
    return undefined;
  }

  /** Return whether the pointer is over the drawing. */
  isHovered() {
    return this.plot !== null && this.plot.cursor.left >= 0;
  }

  #size() {
    const { clientWidth, clientHeight } = this.node;
    return { width: Math.max(MIN_SIZE_PX, clientWidth), height: Math.max(MIN_SIZE_PX, clientHeight) };
  }

  /** @param {PlotInput} input @param {number[]} places */
  #options({ form }, places) {
    return {
      ...this.#size(),
      padding: [LANE_PX + 4, 26, 0, 0],
      legend: { show: false },
      cursor: {
        y: false, points: { show: false },
        drag: { x: true, y: false, setScale: false },
        bind: { dblclick: () => () => this.events.back() },
      },
      scales: { x: { time: true, range: () => [this.from, this.to] }, y: { range: () => [0, this.top] } },
      series: [{}, ...(form === "stacked" ? places.toReversed() : places).map((place) => seriesOf(form, place))],
      axes: this.#axes(),
      hooks: {
        draw: [(/** @type {UPlot} */ plot) => this.#drawAnnotations(plot)],
        setCursor: [(/** @type {UPlot} */ plot) => this.#move(plot)],
        setSelect: [(/** @type {UPlot} */ plot) => this.#select(plot)],
        ready: [(/** @type {UPlot} */ { over }) => {
          over.addEventListener("click", () => this.pointed && this.events.press(this.pointed.anomaly));
          over.addEventListener("mouseleave", () => this.#point(null, null));
        }],
      },
    };
  }

  #axes() {
    const axis = { stroke: colour("--ink-2"), font: this.#font(), ticks: { show: false }, labelGap: 0 };
    return [
      { ...axis, size: 26, gap: 4, space: 70, grid: { show: false }, values: timeLabels },
      {
        ...axis, size: (/** @type {UPlot} */ plot, /** @type {string[]} */ labels) => this.#axisWidth(plot, labels),
        gap: AXIS_GAP_PX, space: 44, grid: { stroke: colour("--rule"), width: 1 },
        values: (/** @type {UPlot} */ _plot, /** @type {number[]} */ splits) => splits.map((value) => this.input?.label(value)),
      },
    ];
  }

  /** Return the width that the longest label needs. @param {UPlot} plot @param {string[] | null} labels */
  #axisWidth({ ctx }, labels) {
    // uPlot keeps its own font, which is larger where a pixel of the page is several of the screen.
    const own = ctx.font;
    ctx.font = this.#font();
    const widest = Math.max(0, ...(labels ?? []).map((label) => ctx.measureText(label).width));
    ctx.font = own;
    return Math.max(MIN_AXIS_PX, Math.ceil(widest) + AXIS_GAP_PX + 2);
  }

  #font() {
    const style = getComputedStyle(this.node);
    return `${Math.round(parseFloat(style.fontSize) * 0.82)}px ${style.fontFamily}`;
  }

  /** @param {UPlot} plot */
  #drawAnnotations(plot) {
    const { ctx, bbox } = plot;
    const ratio = window.devicePixelRatio;
    const annotations = this.input?.annotations ?? [];
    ctx.save();
    ctx.beginPath();
    ctx.rect(bbox.left - 6 * ratio, bbox.top - LANE_PX * ratio, bbox.width + 12 * ratio, bbox.height + LANE_PX * ratio);
    ctx.clip();
    ctx.fillStyle = ctx.strokeStyle = colour("--alarm");
    for (const each of annotations) {
      const isPointed = each === this.pointed;
      drawAnnotation(plot, each, { isPointed, withLine: isPointed || annotations.length <= MAX_LINES });
    }
    ctx.restore();
  }

  /** @param {UPlot} plot */
  #move(plot) {
    const at = plot.cursor.left;
    if (at === undefined || at < 0) return this.#point(null, null);
    const distance = (/** @type {Annotation} */ each) => Math.abs(plot.valToPos(each.at, "x") - at);
    const near = (this.input?.annotations ?? []).filter((each) => distance(each) <= NEAR_PX);
    near.sort((a, b) => distance(a) - distance(b));
    return this.#point(plot.cursor.idx ?? null, near[0] ?? null);
  }

  /** @param {number | null} index @param {Annotation | null} annotation */
  #point(index, annotation) {
    if (annotation !== this.pointed) {
      this.pointed = annotation;
      this.plot?.over.style.setProperty("cursor", annotation ? "pointer" : "");
      this.plot?.redraw(false);
    }
    this.events.hover(index, annotation);
  }

  /** @param {UPlot} plot */
  #select(plot) {
    const { left, width } = plot.select;
    if (width < MIN_DRAG_PX) return;
    const [from, to] = [plot.posToVal(left, "x"), plot.posToVal(left + width, "x")];
    plot.setSelect({ left: 0, width: 0, top: 0, height: 0 }, false);
    this.events.select(from, to);
  }
}

/** Return means a second, whatever the bucket. @param {PlotInput} input @param {number} place */
function perSecond({ lines, frame }, place) {
  return lines[place].map((value) => value / frame.step);
}

/** Return the sums, the highest first: each covers the foot of the one before. @param {PlotInput} input @param {number[]} places */
function stacked(input, places) {
  /** @type {number[][]} */
  const sums = [];
  let below = input.frame.x.map(() => 0);
  for (const place of places) {
    const foot = below;
    below = perSecond(input, place).map((value, i) => value + foot[i]);
    sums.unshift(below);
  }
  return sums;
}

/** @param {PlotInput["form"]} form @param {number} place */
function seriesOf(form, place) {
  const of = colour(palette.property(place));
  const how = form === "stacked" ? { stroke: colour("--paper"), width: 0.5, fill: of } : { stroke: of, width: 1.6 };
  return { ...how, points: { show: false } };
}

/** @param {UPlot} _plot @param {number[]} splits @param {number} _axis @param {number} _space @param {number} step */
function timeLabels(_plot, splits, _axis, _space, step) {
  return splits.map((second) => (step >= 60 ? minute(second * 1_000) : time(second * 1_000)));
}

/**
 * Draw a triangle, filled for a single sale and outlined for the traffic of a whole second, and a line down from it.
 *
 * @param {UPlot} plot
 * @param {Annotation} annotation
 * @param {{ isPointed: boolean, withLine: boolean }} how
 */
function drawAnnotation({ ctx, bbox, valToPos }, { at, anomaly }, { isPointed, withLine }) {
  const ratio = window.devicePixelRatio;
  const x = valToPos(at, "x", true);
  const radius = (isPointed ? 5.5 : 4) * ratio;
  ctx.save();
  ctx.translate(x, bbox.top - (LANE_PX / 2) * ratio);
  ctx.scale(radius, anomaly.score > 0 ? radius : -radius);
  ctx.lineWidth = (1.5 * ratio) / radius;
  ctx.globalAlpha = isPointed ? 1 : 0.85;
  if (anomaly.second === undefined) ctx.fill(TRIANGLE);
  else ctx.stroke(TRIANGLE);
  ctx.restore();
  if (!withLine) return;
  ctx.globalAlpha = isPointed ? 0.9 : 0.2;
  ctx.fillRect(Math.round(x), bbox.top, ratio, bbox.height);
}
