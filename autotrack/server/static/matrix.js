// A confusion matrix: a table while it can be read, a picture of its cells beyond, and always the pairs most confused.
import { color, find, format, make, percent } from "./dom.js";

export const MAX_TABLE = 25;
const MAX_PAIRS = 25;
const PICTURE = 1120;
const LEAST_DOT = 3;

// data: size, rows, columns, counts; options: title, labels, wide, signed (differences, in two colours).
export function showMatrix(host, data, { title, labels, signed = false }) {
  const modes = signed ? ["counts"] : ["counts", "by true class", "by predicted class"];
  const body = make("div");
  const choice = make("select", { "aria-label": "Normalise" }, ...modes.map((mode) => make("option", {}, mode)));
  const caption = make("figcaption", {}, make("span", { class: "clip" }, title), signed ? "" : choice);
  host.append(make("figure", { class: `chart matrix-figure${data.size > 12 && data.size <= MAX_TABLE ? " wide" : ""}` }, caption, make("div", { class: "scroll" }, body)));
  const draw = () => body.replaceChildren(data.size <= MAX_TABLE ? table(data, labels, choice.value, signed) : picture(data, labels, choice.value, signed));
  choice.addEventListener("change", draw);
  draw();
  if (!signed) host.append(pairs(data, labels));
  return draw;
}

function totals(data, column) {
  const sums = new Array(data.size).fill(0);
  data[column].forEach((place, at) => (sums[place] += data.counts[at]));
  return sums;
}

function shares(data, mode) {
  if (mode === "counts") {
    const most = data.counts.reduce((high, count) => Math.max(high, Math.abs(count)), 0) || 1;
    return data.counts.map((count) => count / most);
  }
  const column = mode === "by true class" ? "rows" : "columns";
  const sums = totals(data, column);
  return data.counts.map((count, at) => count / (sums[data[column][at]] || 1));
}

const channels = (text) => (text.startsWith("#") ? text.match(/\w\w/g).map((part) => parseInt(part, 16)) : text.match(/\d+/g).map(Number));

// The ground of a cell; the relative luminance of WCAG 2.1 says whether black or white is read on it.
function paint(cell, share, negative) {
  const part = Math.min(Math.abs(share), 1) * 0.82;
  const below = channels(color("--page"));
  const mixed = channels(color(negative ? "--c1" : "--heat")).map((value, at) => Math.round(value * part + below[at] * (1 - part)));
  const [red, green, blue] = mixed.map((value) => (value / 255 <= 0.04045 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4));
  cell.style.background = `rgb(${mixed.join(" ")})`;
  cell.style.color = 0.2126 * red + 0.7152 * green + 0.0722 * blue > 0.179 ? "#000" : "#fff";
}

function table(data, labels, mode, signed) {
  const cells = new Map();
  const share = shares(data, mode);
  data.rows.forEach((row, at) => cells.set(row * data.size + data.columns[at], at));
  const head = make("tr", {}, make("th", { scope: "col" }, "true \\ pred."), ...labels.map((label) => make("th", { scope: "col", title: label }, label)));
  const rows = labels.map((label, row) => make("tr", {}, make("th", { scope: "row", title: label }, label), ...labels.map((other, column) => {
    const at = cells.get(row * data.size + column);
    const count = at === undefined ? 0 : data.counts[at];
    const text = at === undefined ? (signed ? "" : "0") : mode === "counts" ? (signed && count > 0 ? `+${format(count)}` : format(count)) : percent(share[at]);
    const cell = make("td", { class: `${row === column ? "right" : ""}${count ? "" : " none"}`, title: `true ${label}, predicted ${other}: ${format(count)}` }, text);
    if (at !== undefined && count) paint(cell, share[at], signed && count < 0);
    return cell;
  })));
  return make("table", { class: data.size > 6 ? "matrix dense" : "matrix" }, make("thead", {}, head), make("tbody", {}, ...rows));
}

function picture(data, labels, mode, signed) {
  const share = shares(data, mode);
  const canvas = make("canvas", { class: "matrix-big", role: "img", "aria-label": `Confusion matrix of ${data.size} classes` });
  const pixel = PICTURE / data.size;
  const side = Math.max(pixel, LEAST_DOT);
  canvas.width = canvas.height = PICTURE;
  const context = canvas.getContext("2d");
  const cells = new Map();
  data.rows.forEach((row, at) => {
    const negative = signed && data.counts[at] < 0;
    context.fillStyle = negative ? color("--c1") : `rgb(${color("--heat")})`;
    context.globalAlpha = 0.25 + 0.75 * Math.min(Math.abs(share[at]), 1);
    context.fillRect(data.columns[at] * pixel, row * pixel, side, side);
    cells.set(row * data.size + data.columns[at], at);
  });
  const text = make("p", { class: "muted" }, "Point at a cell.");
  canvas.addEventListener("pointermove", (event) => {
    const box = canvas.getBoundingClientRect();
    const [column, row] = [(event.clientX - box.left) / box.width, (event.clientY - box.top) / box.height].map((part) => Math.min(Math.max(Math.floor(part * data.size), 0), data.size - 1));
    const at = cells.get(row * data.size + column);
    text.textContent = `true ${labels[row]}, predicted ${labels[column]}: ${at === undefined ? 0 : format(data.counts[at])}`;
  });
  return make("div", {}, canvas, text);
}

function pairs(data, labels) {
  const sums = totals(data, "rows");
  const wrong = data.rows.map((_, at) => at).filter((at) => data.rows[at] !== data.columns[at] && data.counts[at] > 0).sort((a, b) => data.counts[b] - data.counts[a]);
  const most = data.counts[wrong[0]] || 1;
  const rows = wrong.slice(0, MAX_PAIRS).map((at) => {
    const meter = make("span", { class: "meter" });
    meter.style.width = `${(data.counts[at] / most) * 70}%`;
    return make("tr", {}, make("td", {}, `${labels[data.rows[at]]} → ${labels[data.columns[at]]}`), make("td", { class: "num" }, format(data.counts[at])), make("td", { class: "num" }, percent(data.counts[at] / (sums[data.rows[at]] || 1))), make("td", { class: "bar-cell" }, meter));
  });
  const head = make("tr", {}, ...["true → predicted", "rows", "of the class", ""].map((text, at) => make("th", { scope: "col", class: at === 1 || at === 2 ? "num" : "" }, text)));
  const note = data.omitted ? `${format(data.omitted)} rows in cells too small to list` : `${wrong.length.toLocaleString("en-US")} pairs`;
  return make("figure", { class: "chart" }, make("figcaption", {}, "Most confused", make("span", { class: "muted" }, note)),
    rows.length ? make("div", { class: "scroll tall" }, make("table", { class: "grid pairs-list" }, make("thead", {}, head), make("tbody", {}, ...rows))) : make("p", { class: "muted" }, "Nothing was confused."));
}

// Counts of a matrix less those of another, by label, since two runs may order their classes differently.
export function difference(one, other) {
  const labels = [...new Set([...one.labels, ...other.labels])];
  const place = new Map(labels.map((label, at) => [label, at]));
  const cells = new Map();
  const add = (evaluation, sign) => evaluation.matrix.rows.forEach((row, at) => {
    const key = place.get(evaluation.labels[row]) * labels.length + place.get(evaluation.labels[evaluation.matrix.columns[at]]);
    cells.set(key, (cells.get(key) ?? 0) + sign * evaluation.matrix.counts[at]);
  });
  add(one, 1);
  add(other, -1);
  const kept = [...cells].filter(([, count]) => count);
  return { labels, matrix: { size: labels.length, rows: kept.map(([key]) => Math.floor(key / labels.length)), columns: kept.map(([key]) => key % labels.length), counts: kept.map(([, count]) => count) } };
}

export const matrixFigures = (host) => find(".matrix-figure", host);
