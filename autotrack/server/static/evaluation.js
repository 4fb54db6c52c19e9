// Evaluations as pictures: confusion matrix, ROC, precision-recall, calibration, threshold, residuals, weights.
import { Chart } from "./chart.js";
import { find, findAll, format, make, readData } from "./dom.js";
import { MAX_TABLE, showMatrix } from "./matrix.js";

const UNIT = [-0.02, 1.02];
const MAX_BARS = 40;
const MAX_CLASS_CURVES = 8;
export const KINDS = {
  roc: { title: "ROC curve", xTitle: "false positive rate", yTitle: "true positive rate", area: "AUC", ideal: [[0, 1], [0, 1]] },
  precision_recall: { title: "Precision-recall curve", xTitle: "recall", yTitle: "precision", area: "AP" },
  calibration: { title: "Calibration", xTitle: "mean predicted probability", yTitle: "observed share", area: "error", ideal: [[0, 1], [0, 1]] },
};

export function startEvaluation() {
  const data = readData("evaluation-data");
  if (!data) return;
  for (const section of findAll("section.evaluation")) {
    const evaluation = data.evaluations.find((one) => one.split === section.dataset.split);
    const host = find("[data-figures]", section);
    if (evaluation && !host.hasChildNodes()) showEvaluation(host, evaluation);
  }
  const weights = find("[data-importances]");
  if (weights && !weights.hasChildNodes()) {
    for (const { title, features } of data.weights) bars(weights, title, features);
  }
}

function showEvaluation(host, one) {
  // A matrix that is a picture stands beside its pairs, a smaller one above them.
  const many = one.matrix?.size > MAX_TABLE;
  const stack = many ? host : make("div", { class: one.matrix?.size > 12 ? "stack wide" : "stack" });
  if (one.matrix) {
    if (!many) host.append(stack);
    showMatrix(stack, one.matrix, { title: "Confusion matrix", labels: one.labels });
  }
  for (const kind of Object.keys(KINDS)) {
    const curves = one.curves.filter((curve) => curve.kind === kind);
    if (curves.length) drawCurves(host, kind, curves.slice(0, MAX_CLASS_CURVES).map((curve) => ({ ...curve, label: curve.name })), curves.length);
  }
  const roc = one.curves.find((curve) => curve.kind === "roc" && curve.thresholds.length);
  if (roc && one.positive !== null && one.support.length === 2) showThreshold(stack, one, roc);
  for (const residuals of one.residuals) showResiduals(host, residuals, one.residuals.length > 1);
  if (one.sizes.length) bars(host, "Cluster sizes", one.sizes.map((size, at) => [one.labels[at], size]));
}

export function drawCurves(host, kind, curves, total = curves.length) {
  const { title, xTitle, yTitle, area, ideal } = KINDS[kind];
  const chart = new Chart(host, { title, xTitle, yTitle, tall: true, nearest: true, xRange: UNIT, yRange: UNIT, note: total > curves.length ? `${curves.length} of ${total} curves` : "",
    tipText: (one, at) => `${format(one.x[at])}, ${format(one.y[at])}${one.thresholds?.length ? ` at ≥ ${format(one.thresholds[at])}` : ""}` });
  const lines = curves.map((curve, at) => ({ name: `${curve.label} (${area} ${Number(curve.area).toFixed(3)})`, color: curve.color ?? at, x: curve.x, y: curve.y, thresholds: curve.thresholds, style: "line" }));
  if (ideal) lines.push({ name: "", x: ideal[0], y: ideal[1], style: "dashed" });
  chart.set(lines);
  return chart;
}

// At each threshold the ROC curve gives both rates, and with the sizes of the classes the whole confusion matrix.
function showThreshold(host, one, roc) {
  const positive = one.labels.indexOf(one.positive);
  const [yes, no] = [one.support[positive], one.support[1 - positive]];
  const thresholds = roc.thresholds.map(Number);
  const start = thresholds.reduce((best, value, at) => (Math.abs(value - 0.5) < Math.abs(thresholds[best] - 0.5) ? at : best), 0);
  const slider = make("input", { type: "range", min: "0", max: String(thresholds.length - 1), step: "1", value: String(start), "aria-label": "Threshold" });
  const output = make("output");
  const values = make("div", { class: "threshold-values" });
  const figure = make("figure", { class: "chart threshold-figure" }, make("figcaption", {}, "Threshold", make("span", { class: "muted" }, `of ${one.positive}`)), make("div", { class: "threshold" }, "positive at ≥", slider, output), values);
  const show = () => {
    const at = Number(slider.value);
    const [found, false_alarms] = [roc.y[at] * yes, roc.x[at] * no];
    const recall = roc.y[at];
    const precision = found + false_alarms > 0 ? found / (found + false_alarms) : null;
    const f1 = precision === null || precision + recall === 0 ? null : (2 * precision * recall) / (precision + recall);
    const accuracy = (found + no - false_alarms) / (yes + no);
    output.textContent = format(thresholds[at]);
    const shown = { precision, recall, "F1": f1, accuracy, "true positive": Math.round(found), "false positive": Math.round(false_alarms), "false negative": Math.round(yes - found), "true negative": Math.round(no - false_alarms) };
    values.replaceChildren(...Object.entries(shown).map(([name, value]) => make("div", { "data-value": name }, make("span", {}, name), make("b", {}, value === null ? "–" : Number.isInteger(value) ? format(value) : value.toFixed(4)))));
  };
  slider.addEventListener("input", show);
  show();
  host.append(figure);
}

function showResiduals(host, residuals, several) {
  const name = several ? ` of ${residuals.name}` : "";
  const { predicted, edges, counts } = residuals;
  const truth = residuals.true;
  const low = Math.min(...predicted, ...truth);
  const high = Math.max(...predicted, ...truth);
  new Chart(host, { title: `True and predicted values${name}`, xTitle: "predicted", yTitle: "true", tall: true, nearest: true, note: `${predicted.length} rows` }).set([
    { name: "row", color: 0, x: predicted, y: truth, style: "points" }, { name: "", x: [low, high], y: [low, high], style: "dashed" }]);
  new Chart(host, { title: `Residuals${name}`, xTitle: "true minus predicted", yTitle: "rows", tall: true }).set([
    { name: "rows", color: 0, x: counts.map((_, at) => (edges[at] + edges[at + 1]) / 2), y: counts, style: "bars" }]);
}

function bars(host, title, entries) {
  const most = Math.max(...entries.map(([, value]) => Math.abs(Number(value)))) || 1;
  const rows = entries.slice(0, MAX_BARS).map(([name, value]) => {
    const meter = make("span", { class: `meter${value < 0 ? " minus" : ""}` });
    meter.style.width = `${(Math.abs(Number(value)) / most) * 100}%`;
    return make("tr", {}, make("th", { scope: "row" }, name), make("td", { class: "num" }, format(value)), make("td", { class: "bar-cell" }, meter));
  });
  const note = entries.length > MAX_BARS ? `the ${MAX_BARS} largest of ${entries.length}` : "";
  host.append(make("figure", { class: "chart" }, make("figcaption", {}, title, make("span", { class: "muted" }, note)), make("div", { class: "scroll tall" }, make("table", { class: "grid" }, make("tbody", {}, ...rows)))));
}
