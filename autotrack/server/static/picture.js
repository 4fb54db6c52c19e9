// A chart as a file. It is painted once more: on a larger canvas for PNG, on paper that notes down shapes for SVG.
import { color, make } from "./dom.js";

const SVG = "http://www.w3.org/2000/svg";
const PIXELS = 2;
const HEAD = 30;
const LEGEND_ROW = 18;
const STATE = ["fillStyle", "strokeStyle", "lineWidth", "globalAlpha", "font", "textAlign", "textBaseline", "lineJoin", "dash", "transform", "clipped"];

export async function saveChart(chart, kind) {
  const size = measured(chart);
  const blob = kind === "svg" ? svgBlob(chart, size) : await pngBlob(chart, size);
  const link = make("a", { href: URL.createObjectURL(blob), download: `${chart.options.title.replace(/[^\w.-]+/g, "_").slice(0, 80) || "chart"}.${kind}` });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}

// Where each entry of the legend stands, and how large the whole picture is.
function measured(chart) {
  const [width, plot] = [chart.plot.clientWidth, chart.plot.clientHeight];
  const ruler = document.createElement("canvas").getContext("2d");
  ruler.font = "12px sans-serif";
  let [x, row] = [12, 0];
  const entries = chart.legendEntries().map((one) => {
    const length = Math.min(ruler.measureText(one.name).width, width - 60) + 34;
    if (x > 12 && x + length > width) [x, row] = [12, row + 1];
    const entry = { name: one.name, color: chart.color(one), x, y: HEAD + plot + 4 + row * LEGEND_ROW, length };
    x += length;
    return entry;
  });
  return { width, plot, entries, height: HEAD + plot + (entries.length ? (row + 1) * LEGEND_ROW + 8 : 4) };
}

function paintAll(context, chart, { width, height, plot, entries }) {
  context.fillStyle = color("--page");
  context.fillRect(0, 0, width, height);
  context.fillStyle = color("--text");
  context.font = "600 13px sans-serif";
  context.textBaseline = "middle";
  context.textAlign = "left";
  context.fillText(chart.options.title, 12, HEAD / 2, width - 24);
  context.save();
  context.translate(0, HEAD);
  chart.paint(context, width, plot);
  context.restore();
  context.font = "12px sans-serif";
  context.textBaseline = "middle";
  context.textAlign = "left";
  for (const entry of entries) {
    context.fillStyle = entry.color;
    context.fillRect(entry.x, entry.y + 3, 11, 11);
    context.fillStyle = color("--text");
    context.fillText(entry.name, entry.x + 16, entry.y + 9, entry.length - 22);
  }
}

function pngBlob(chart, size) {
  const canvas = make("canvas", { width: size.width * PIXELS, height: size.height * PIXELS });
  const context = canvas.getContext("2d");
  context.scale(PIXELS, PIXELS);
  paintAll(context, chart, size);
  return new Promise((resolve) => canvas.toBlob(resolve, "image/png"));
}

function svgBlob(chart, size) {
  const paper = new Paper(size.width, size.height);
  paintAll(paper, chart, size);
  return new Blob([new XMLSerializer().serializeToString(paper.root)], { type: "image/svg+xml" });
}

const short = (value) => String(Math.round(value * 100) / 100);

function shape(tag, attributes, text = "") {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) if (value !== "") element.setAttribute(name, value);
  element.textContent = text;
  return element;
}

// What charts use of a canvas' context.
class Paper {
  constructor(width, height) {
    this.root = shape("svg", { width, height, viewBox: `0 0 ${width} ${height}` });
    this.saved = [];
    this.steps = [];
    Object.assign(this, { fillStyle: "#000", strokeStyle: "#000", lineWidth: 1, globalAlpha: 1, font: "11px sans-serif", textAlign: "left", textBaseline: "alphabetic", lineJoin: "miter", dash: [], transform: "", clipped: "" });
  }

  save() {
    this.saved.push(Object.fromEntries(STATE.map((name) => [name, this[name]])));
  }

  restore() {
    Object.assign(this, this.saved.pop());
  }

  translate(x, y) {
    this.transform += `translate(${short(x)} ${short(y)}) `;
  }

  rotate(angle) {
    this.transform += `rotate(${short((angle * 180) / Math.PI)}) `;
  }

  setLineDash(dash) {
    this.dash = dash;
  }

  beginPath() {
    this.steps = [];
  }

  // A canvas passes over places that are no numbers.
  step(letter, x, y, rest = "") {
    if (Number.isFinite(x) && Number.isFinite(y)) this.steps.push(`${letter}${short(x)} ${short(y)}${rest}`);
  }

  moveTo(x, y) {
    this.step("M", x, y);
  }

  lineTo(x, y) {
    this.step("L", x, y);
  }

  rect(x, y, width, height) {
    this.step("M", x, y, `h${short(width)}v${short(height)}h${short(-width)}z`);
  }

  // Charts draw whole circles only.
  arc(x, y, radius) {
    this.step("M", x - radius, y, `a${radius} ${radius} 0 1 0 ${2 * radius} 0a${radius} ${radius} 0 1 0 ${-2 * radius} 0z`);
  }

  clip() {
    const id = `clip-${this.root.childNodes.length}`;
    const path = shape("clipPath", { id });
    path.append(shape("path", { d: this.steps.join("") }));
    this.root.append(path);
    this.clipped = `url(#${id})`;
  }

  put(tag, attributes, text) {
    const alpha = this.globalAlpha === 1 ? "" : this.globalAlpha;
    this.root.append(shape(tag, { ...attributes, opacity: alpha, transform: this.transform.trim(), "clip-path": this.clipped }, text));
  }

  stroke() {
    if (this.steps.length) this.put("path", { d: this.steps.join(""), fill: "none", stroke: this.strokeStyle, "stroke-width": this.lineWidth, "stroke-linejoin": this.lineJoin, "stroke-dasharray": this.dash.join(" ") });
  }

  fill() {
    if (this.steps.length) this.put("path", { d: this.steps.join(""), fill: this.fillStyle });
  }

  fillRect(x, y, width, height) {
    this.beginPath();
    this.rect(x, y, width, height);
    this.fill();
  }

  fillText(text, x, y) {
    const [, weight = "", size] = /^(\d+ )?(\d+)px/.exec(this.font);
    const anchor = { center: "middle", right: "end" }[this.textAlign] ?? "start";
    const baseline = { middle: "central", top: "hanging" }[this.textBaseline] ?? "auto";
    this.put("text", { x: short(x), y: short(y), fill: this.fillStyle, "font-size": size, "font-weight": weight.trim(), "font-family": "sans-serif", "text-anchor": anchor, "dominant-baseline": baseline }, text);
  }
}
