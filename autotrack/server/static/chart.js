// Charts on a canvas: lines, points and bars with axes, a cursor that charts share, and zoom by dragging.
import { color, format, make, seriesColor } from "./dom.js";
import { saveChart } from "./picture.js";
import { extent, padded, scale, tickText, ticks } from "./scales.js";

const MARGIN = { left: 52, right: 10, top: 6, bottom: 34 };
const MARK = 7;
const charts = new Set();

// Options: title, note, xTitle, yTitle, xLog, yLog, xRange, yRange, xText(value), tall, wide, nearest (point, not x),
// link (charts with the same link share cursor and zoom), onZoom(range or null), menu (elements beside the title).
// Series: name, color (number or css), x, y, style ("line", "ghost", "dashed", "points", "bars"), nans, highs and lows
// (x of values that are no number, infinite or minus infinite), hidden.
export class Chart {
  constructor(host, options) {
    this.options = options;
    this.series = [];
    this.zoom = null;
    this.cursor = null;
    this.note = make("span", { class: "muted" }, options.note ?? "");
    this.canvas = make("canvas", { role: "img", tabindex: "0", "aria-label": options.title });
    this.tip = make("div", { class: "tip", hidden: true });
    this.plot = make("div", { class: "plot" }, this.canvas, this.tip);
    this.legend = make("div", { class: "legend" });
    const title = make("span", { class: "clip", title: options.title }, options.title);
    this.figure = make("figure", { class: `chart${options.tall ? " tall" : ""}${options.wide ? " wide" : ""}` },
      make("figcaption", {}, title, this.note, this.saveMenu()), this.plot, this.legend);
    host.append(this.figure);
    charts.add(this);
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.plot);
  }

  set(series, options = {}) {
    Object.assign(this.options, options);
    const hidden = new Set(this.series.filter((one) => one.hidden).map((one) => one.name));
    this.series = series.map((one) => ({ ...one, hidden: hidden.has(one.name) }));
    this.note.textContent = this.options.note ?? "";
    this.describe();
    this.drawLegend();
    this.draw();
  }

  saveMenu() {
    const menu = make("details", { class: "menu save-chart" }, make("summary", { "aria-label": `Save ${this.options.title}`, title: "Save as a picture" }, "⤓"));
    const item = (kind) => make("button", { type: "button", onclick: () => {
      menu.open = false;
      saveChart(this, kind);
    } }, kind.toUpperCase());
    menu.append(make("div", {}, item("png"), item("svg")));
    return menu;
  }

  describe() {
    const parts = this.series.filter((one) => one.style !== "ghost").slice(0, 10).map((one) => `${one.name || "values"}: last ${format(one.y[one.y.length - 1])}`);
    this.canvas.setAttribute("aria-label", `${this.options.title}. ${parts.join("; ")}`);
  }

  color(one) {
    return typeof one.color === "number" ? seriesColor(one.color) : one.color ?? color("--muted");
  }

  visible() {
    return this.series.filter((one) => !one.hidden && one.x.length);
  }

  legendEntries() {
    const named = this.series.filter((one) => one.name && one.style !== "ghost");
    return named.length < 2 ? [] : named.slice(0, 60);
  }

  drawLegend() {
    this.legend.replaceChildren(...this.legendEntries().map((one) => {
      const swatch = make("span", { class: "swatch" });
      swatch.style.background = this.color(one);
      const button = make("button", { type: "button", "aria-pressed": String(!one.hidden), title: one.name }, swatch, make("span", { class: "clip" }, one.name));
      button.addEventListener("click", () => {
        for (const same of this.series) if (same.name === one.name) same.hidden = !same.hidden;
        this.drawLegend();
        this.draw();
      });
      return button;
    }));
  }

  scales(width, height) {
    const { xLog, yLog, xRange, yRange, clip } = this.options;
    const shown = this.visible();
    const x = this.zoom ?? xRange ?? padded(extent(shown.map((one) => one.x), xLog) ?? [0, 1], xLog, shown.some((one) => one.style === "bars" || one.style === "points") ? 0.04 : 0);
    const within = this.zoom ? shown.map((one) => one.y.filter((_, at) => one.x[at] >= x[0] && one.x[at] <= x[1])) : shown.map((one) => one.y);
    const columns = clip ? within.map(withoutOutliers) : within;
    let y = yRange ?? padded(extent(columns, yLog) ?? (yLog ? [0.1, 1] : [0, 1]), yLog);
    if (shown.some((one) => one.style === "bars")) y = [Math.min(0, y[0]), y[1]];
    return {
      x: scale(x, [MARGIN.left, width - MARGIN.right], xLog),
      y: scale(y, [height - MARGIN.bottom, MARGIN.top], yLog),
    };
  }

  draw() {
    const width = this.plot.clientWidth;
    const height = this.plot.clientHeight;
    if (!width) return;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = width * ratio;
    this.canvas.height = height * ratio;
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    this.paint(context, width, height);
  }

  paint(context, width, height) {
    this.at = this.scales(width, height);
    this.drawAxes(context, width, height);
    context.save();
    context.beginPath();
    context.rect(MARGIN.left, MARGIN.top - 2, width - MARGIN.left - MARGIN.right + 2, height - MARGIN.top - MARGIN.bottom + 4);
    context.clip();
    for (const one of this.visible()) this.drawSeries(context, one, height);
    this.drawMarks(context, width, height);
    context.restore();
  }

  drawAxes(context, width, height) {
    const { x, y } = this.at;
    const { xText = tickText, xTitle = "", yTitle = "", yLog, xLog } = this.options;
    context.font = "11px system-ui, sans-serif";
    context.lineWidth = 1;
    context.fillStyle = color("--muted");
    context.textBaseline = "middle";
    context.textAlign = "right";
    for (const value of ticks(y.domain, Math.max(Math.floor(height / 48), 2), yLog)) {
      line(context, color("--line"), MARGIN.left, y(value), width - MARGIN.right, y(value));
      context.fillText(tickText(value), MARGIN.left - 6, y(value), MARGIN.left - 8);
    }
    context.textBaseline = "top";
    context.textAlign = "center";
    for (const value of ticks(x.domain, Math.max(Math.floor(width / 90), 2), xLog)) {
      context.fillText(xText(value), Math.min(Math.max(x(value), 20), width - 22), height - MARGIN.bottom + 5);
    }
    if (xTitle) context.fillText(xTitle, (MARGIN.left + width - MARGIN.right) / 2, height - 14);
    if (yTitle) {
      context.save();
      context.translate(9, (height - MARGIN.bottom) / 2);
      context.rotate(-Math.PI / 2);
      context.textBaseline = "middle";
      context.fillText(yTitle, 0, 0);
      context.restore();
    }
  }

  drawSeries(context, one, height) {
    const { x, y } = this.at;
    context.strokeStyle = context.fillStyle = this.color(one);
    context.globalAlpha = one.style === "ghost" ? 0.25 : one.style === "points" ? 0.65 : 1;
    context.lineWidth = one.style === "ghost" ? 1 : 1.7;
    context.lineJoin = "round";
    context.setLineDash(one.style === "dashed" ? [4, 4] : []);
    if (one.style === "bars") this.drawBars(context, one);
    else if (one.style === "points") this.drawPoints(context, one);
    else drawLine(context, one, x, y);
    context.setLineDash([]);
    context.globalAlpha = 1;
    const floor = height - MARGIN.bottom;
    context.fillStyle = color("--bad");
    for (const value of one.nans ?? []) triangle(context, x(value), floor, -1);
    context.fillStyle = color("--warn");
    for (const value of one.highs ?? []) triangle(context, x(value), MARGIN.top + MARK, -1);
    for (const value of one.lows ?? []) triangle(context, x(value), floor - MARK, 1);
  }

  drawBars(context, one) {
    const { x, y } = this.at;
    const width = Math.max(Math.abs(x(one.x[1] ?? one.x[0] + 1) - x(one.x[0])) - 1, 1);
    one.x.forEach((value, at) => context.fillRect(x(value) - width / 2, y(one.y[at]), width, y(0) - y(one.y[at])));
  }

  drawPoints(context, one) {
    const { x, y } = this.at;
    for (let at = 0; at < one.x.length; at++) {
      context.beginPath();
      context.arc(x(one.x[at]), y(one.y[at]), one.size ?? 3, 0, 7);
      context.fill();
    }
  }

  drawMarks(context, width, height) {
    const { x } = this.at;
    if (this.drag) {
      context.fillStyle = color("--accent");
      context.globalAlpha = 0.15;
      context.fillRect(this.drag[0], MARGIN.top, this.drag[1] - this.drag[0], height - MARGIN.top - MARGIN.bottom);
      context.globalAlpha = 1;
    }
    if (this.mark) {
      context.fillStyle = color("--text");
      context.beginPath();
      context.arc(x(this.mark[0]), this.at.y(this.mark[1]), 5, 0, 7);
      context.fill();
    }
    if (this.cursor !== null && !this.options.nearest) line(context, color("--strong-line"), x(this.cursor), MARGIN.top, x(this.cursor), height - MARGIN.bottom);
  }

  linked() {
    return this.options.link ? [...charts].filter((chart) => chart.options.link === this.options.link && chart.figure.isConnected) : [this];
  }

  setZoom(range) {
    for (const chart of this.linked()) {
      chart.zoom = range;
      chart.draw();
      chart.options.onZoom?.(range);
    }
  }

  listen() {
    const place = (event) => event.clientX - this.canvas.getBoundingClientRect().left;
    this.canvas.addEventListener("pointermove", (event) => this.moved(place(event), event));
    this.canvas.addEventListener("pointerleave", () => this.left());
    this.canvas.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "touch" || this.options.fixed) return;
      this.drag = [place(event), place(event)];
      this.canvas.setPointerCapture(event.pointerId);
    });
    this.canvas.addEventListener("pointerup", () => {
      const drag = this.drag;
      this.drag = null;
      if (!drag) return;
      if (Math.abs(drag[1] - drag[0]) > 6) this.setZoom(drag.map((pixel) => this.at.x.invert(pixel)).sort((a, b) => a - b));
      else this.draw();
    });
    this.canvas.addEventListener("dblclick", () => this.setZoom(null));
    this.canvas.addEventListener("keydown", (event) => {
      if (event.key === "Escape" && this.zoom) this.setZoom(null);
    });
  }

  moved(pixel, event) {
    if (!this.at) return;
    if (this.drag) {
      this.drag[1] = pixel;
      this.draw();
      return;
    }
    const value = this.at.x.invert(Math.min(Math.max(pixel, MARGIN.left), this.plot.clientWidth - MARGIN.right));
    for (const chart of this.linked()) {
      chart.cursor = value;
      chart.draw();
    }
    this.showTip(pixel, event.clientY - this.canvas.getBoundingClientRect().top, value);
  }

  left() {
    for (const chart of this.linked()) {
      chart.cursor = null;
      chart.draw();
    }
    this.tip.hidden = true;
  }

  showTip(pixel, down, value) {
    const { xText = tickText, nearest, tipText } = this.options;
    const found = this.visible().filter((one) => one.style !== "ghost" && one.style !== "dashed").map((one) => ({ one, at: nearest ? this.closest(one, pixel, down) : nearestIndex(one.x, value) })).filter(({ at }) => at >= 0);
    if (!found.length) {
      this.tip.hidden = true;
      return;
    }
    const rows = (nearest ? [found.reduce((a, b) => (this.distance(a, pixel, down) < this.distance(b, pixel, down) ? a : b))] : found.slice(0, 14)).map(({ one, at }) => {
      const swatch = make("span", { class: "swatch" });
      swatch.style.background = this.color(one);
      const text = tipText ? tipText(one, at) : nearest ? `${format(one.x[at])}, ${format(one.y[at])}` : format((one.raw ?? one.y)[at]);
      return make("div", {}, make("span", { class: "clip" }, swatch, one.name ?? ""), make("b", {}, text));
    });
    const head = nearest ? [] : [make("div", { class: "muted" }, `${this.options.xTitle ?? "x"} ${xText(found[0].one.x[found[0].at])}`)];
    this.tip.replaceChildren(...head, ...rows);
    this.tip.hidden = false;
    const width = this.tip.offsetWidth;
    this.tip.style.left = `${pixel + width + 24 > this.plot.clientWidth ? Math.max(pixel - width - 14, 0) : pixel + 14}px`;
    this.tip.style.top = `${Math.max(Math.min(down - 10, this.plot.clientHeight - this.tip.offsetHeight), 0)}px`;
  }

  closest(one, pixel, down) {
    let best = -1;
    for (let at = 0; at < one.x.length; at++) if (best < 0 || this.distance({ one, at }, pixel, down) < this.distance({ one, at: best }, pixel, down)) best = at;
    return best;
  }

  distance({ one, at }, pixel, down) {
    return Math.hypot(this.at.x(one.x[at]) - pixel, this.at.y(one.y[at]) - down);
  }
}

export function redrawAll() {
  for (const chart of charts) {
    if (!chart.figure.isConnected) charts.delete(chart);
    else {
      chart.drawLegend();
      chart.draw();
    }
  }
}

function line(context, style, x1, y1, x2, y2) {
  context.strokeStyle = style;
  context.beginPath();
  context.moveTo(x1, Math.round(y1) + 0.5);
  context.lineTo(x2, Math.round(y2) + (x1 === x2 ? 0 : 0.5));
  context.stroke();
}

// A value that is no number, or not positive on a log axis, leaves a gap.
function drawLine(context, one, x, y) {
  context.beginPath();
  let pen = false;
  for (let at = 0; at < one.x.length; at++) {
    const place = y(one.y[at]);
    if (!Number.isFinite(place)) {
      pen = false;
      continue;
    }
    if (pen) context.lineTo(x(one.x[at]), place);
    else context.moveTo(x(one.x[at]), place);
    pen = true;
  }
  context.stroke();
  // Points above one place make no line that could be seen.
  if (one.x.length && one.x[0] === one.x[one.x.length - 1]) {
    for (const value of one.y) {
      context.beginPath();
      context.arc(x(one.x[0]), y(value), 3, 0, 7);
      context.fill();
    }
  }
}

// From its base to its tip, which stands above for -1 and below for 1.
function triangle(context, x, base, down) {
  context.beginPath();
  context.moveTo(x, base + down * MARK);
  context.lineTo(x - 4, base);
  context.lineTo(x + 4, base);
  context.fill();
}

export function nearestIndex(column, value) {
  let low = 0;
  let high = column.length - 1;
  if (high < 0) return -1;
  while (high - low > 1) {
    const middle = (low + high) >> 1;
    if (column[middle] <= value) low = middle;
    else high = middle;
  }
  return Math.abs(column[low] - value) <= Math.abs(column[high] - value) ? low : high;
}

// Values between the 2nd and 98th percentile, widened by half of what lies between.
function withoutOutliers(column) {
  const sorted = column.filter(Number.isFinite).sort((a, b) => a - b);
  if (sorted.length < 10) return sorted;
  const low = sorted[Math.floor(sorted.length * 0.02)];
  const high = sorted[Math.floor(sorted.length * 0.98)];
  const space = (high - low) / 2;
  return sorted.filter((value) => value >= low - space && value <= high + space);
}
