// Parallel coordinates on a canvas: an axis for each param and metric, a line for each run, ranges kept by dragging.
import { color, format, make } from "./dom.js";
import { extent, scale } from "./scales.js";

const TOP = 38;
const BOTTOM = 18;
const HEIGHT = 320;
const MAX_TEXTS = 30;
const NONE = "none";

// rows: [{ name, values: { axis: number or text } }]; axes: names; colored: the axis whose value gives the colour.
export class Parallel {
  constructor(host, rows, axes, { colored, onKeep } = {}) {
    Object.assign(this, { rows, colored, onKeep, kept: new Map(), hover: -1, flipped: new Set() });
    this.canvas = make("canvas", { role: "img", tabindex: "0", "aria-label": `Parallel coordinates of ${rows.length} runs` });
    this.plot = make("div", { class: "plot" }, this.canvas);
    this.plot.style.height = `${HEIGHT}px`;
    this.note = make("p", { class: "muted" });
    host.replaceChildren(make("div", { class: "chart" }, this.plot), this.note);
    this.axes = axes.map((name) => this.axis(name)).filter(Boolean);
    this.listen();
    new ResizeObserver(() => this.draw()).observe(this.plot);
  }

  axis(name) {
    const values = this.rows.map((row) => row.values[name]);
    const known = values.filter((value) => value !== undefined && value !== "");
    const empty = values.includes("");
    if (!known.length) return null;
    const numeric = known.every((value) => typeof value === "number" && Number.isFinite(value));
    if (!numeric) {
      const texts = [...(empty ? [NONE] : []), ...[...new Set(known.map(String))].sort().slice(0, MAX_TEXTS)];
      const places = new Map(texts.map((text, at) => [text, at]));
      return { name, place: (value) => places.get(value === "" ? NONE : String(value)) ?? NaN, domain: [-0.5, texts.length - 0.5], marks: texts.map((text, at) => [at, text]), texts };
    }
    const [low, high] = extent([known]);
    const log = low > 0 && high / low >= 50;
    const domain = low === high ? [low - 1, high + 1] : [low, high];
    return { name, log, place: (value) => (typeof value === "number" ? value : NaN), domain, marks: [domain[0], domain[1]].map((value) => [value, format(value)]) };
  }

  draw() {
    const width = this.plot.clientWidth;
    if (!width) return;
    const ratio = window.devicePixelRatio || 1;
    this.canvas.width = width * ratio;
    this.canvas.height = HEIGHT * ratio;
    const context = this.canvas.getContext("2d");
    context.scale(ratio, ratio);
    this.x = this.axes.map((_, at) => 60 + (at * (width - 120)) / Math.max(this.axes.length - 1, 1));
    this.y = this.axes.map((axis) => scale(axis.domain, this.flipped.has(axis.name) ? [TOP, HEIGHT - BOTTOM] : [HEIGHT - BOTTOM, TOP], axis.log));
    const chosen = this.rows.map((row) => this.keeps(row));
    this.rows.forEach((row, at) => !chosen[at] && this.line(context, row, color("--line"), 1));
    this.rows.forEach((row, at) => chosen[at] && this.line(context, row, this.color(row), this.hover === at ? 3.5 : 1.6));
    this.drawAxes(context);
    const count = chosen.filter(Boolean).length;
    this.note.textContent = this.hover >= 0 ? this.rows[this.hover].name : this.kept.size ? `${count} of ${this.rows.length} kept` : "";
  }

  color(row) {
    const axis = this.axes.find((one) => one.name === this.colored);
    const value = axis ? axis.place(row.values[axis.name]) : NaN;
    if (!Number.isFinite(value)) return color("--c0");
    const share = (value - axis.domain[0]) / (axis.domain[1] - axis.domain[0] || 1);
    return `color-mix(in oklab, ${color("--c4")} ${Math.round(share * 100)}%, ${color("--c7")})`;
  }

  line(context, row, style, width) {
    context.strokeStyle = style;
    context.lineWidth = width;
    context.beginPath();
    let pen = false;
    this.axes.forEach((axis, at) => {
      const place = this.y[at](axis.place(row.values[axis.name]));
      const known = row.values[axis.name] !== undefined && Number.isFinite(place);
      if (known && pen) context.lineTo(this.x[at], place);
      else if (known) context.moveTo(this.x[at], place);
      pen = known;
    });
    context.stroke();
  }

  drawAxes(context) {
    context.font = "11px system-ui, sans-serif";
    context.textAlign = "center";
    const space = this.axes.length > 1 ? this.x[1] - this.x[0] - 8 : 300;
    this.axes.forEach((axis, at) => {
      context.strokeStyle = color("--strong-line");
      context.lineWidth = 1;
      context.strokeRect(this.x[at], TOP, 0, HEIGHT - TOP - BOTTOM);
      context.fillStyle = color("--text");
      const name = cut(context, axis.name, space);
      const half = context.measureText(name).width / 2 + 2;
      context.fillText(name, Math.min(Math.max(this.x[at], half), this.canvas.clientWidth - half), at % 2 && space < 90 ? 24 : 12);
      context.fillStyle = color("--muted");
      for (const [value, text] of axis.marks) context.fillText(cut(context, text, Math.min(space, 110)), this.x[at], this.y[at](value) + (axis.texts ? -3 : this.y[at](value) < HEIGHT / 2 ? -4 : 13));
      const range = this.kept.get(axis.name);
      if (range) {
        context.fillStyle = color("--accent");
        context.globalAlpha = 0.25;
        context.fillRect(this.x[at] - 7, Math.min(...range), 14, Math.abs(range[1] - range[0]));
        context.globalAlpha = 1;
      }
    });
  }

  keeps(row) {
    return this.axes.every((axis, at) => {
      const range = this.kept.get(axis.name);
      if (!range) return true;
      const place = this.y[at](axis.place(row.values[axis.name]));
      return place >= Math.min(...range) && place <= Math.max(...range);
    });
  }

  listen() {
    let drag = null;
    const where = (event) => {
      const box = this.canvas.getBoundingClientRect();
      return [event.clientX - box.left, event.clientY - box.top];
    };
    this.canvas.addEventListener("pointerdown", (event) => {
      const [x, y] = where(event);
      const at = this.x.findIndex((place) => Math.abs(place - x) < 14);
      if (at < 0) return;
      drag = { at, from: y };
      this.canvas.setPointerCapture(event.pointerId);
    });
    this.canvas.addEventListener("pointermove", (event) => {
      const [x, y] = where(event);
      if (drag && Math.abs(y - drag.from) > 4) this.kept.set(this.axes[drag.at].name, [drag.from, y]);
      else if (!drag) this.hover = this.closest(x, y);
      this.draw();
    });
    this.canvas.addEventListener("pointerup", (event) => {
      const [, y] = where(event);
      if (drag && Math.abs(y - drag.from) <= 4) {
        const { name } = this.axes[drag.at];
        if (!this.kept.delete(name)) this.flipped[this.flipped.has(name) ? "delete" : "add"](name);
      }
      drag = null;
      this.draw();
      this.onKeep?.(this.rows.filter((row) => this.keeps(row)));
    });
    this.canvas.addEventListener("pointerleave", () => {
      this.hover = -1;
      this.draw();
    });
  }

  closest(x, y) {
    const at = this.x.findIndex((place, number) => x >= place && x <= (this.x[number + 1] ?? -1));
    if (at < 0) return -1;
    const share = (x - this.x[at]) / (this.x[at + 1] - this.x[at] || 1);
    let [best, least] = [-1, 12];
    this.rows.forEach((row, number) => {
      const [a, b] = [at, at + 1].map((place) => this.y[place](this.axes[place].place(row.values[this.axes[place].name])));
      const distance = Math.abs(a + (b - a) * share - y);
      if (distance < least) [best, least] = [number, distance];
    });
    return best;
  }
}

function cut(context, text, width) {
  let kept = text;
  while (kept.length > 2 && context.measureText(kept).width > width) kept = `${kept.slice(0, -2)}…`;
  return kept;
}
