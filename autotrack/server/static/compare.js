// Several runs beside each other: their curves of evaluation in one picture, matrices, parallel coordinates, scatter.
import { Chart } from "./chart.js";
import { find, format, make, readData } from "./dom.js";
import { drawCurves, KINDS } from "./evaluation.js";
import { difference, showMatrix } from "./matrix.js";
import { Parallel } from "./parallel.js";

const MAX_MATRICES = 6;
const MAX_AXES = 9;

export function startComparison() {
  const only = find("#only-differences");
  only?.addEventListener("change", () => find("#comparison").classList.toggle("only-differences", only.checked));
  const data = readData("comparison-data");
  if (!data) return;
  const numbers = new Map(data.runs.map((run, at) => [run.id, at]));
  showEvaluations(find("[data-compare-evaluations]"), data, numbers);
  const rows = data.runs.map((run) => ({ name: run.name, id: run.id, values: { ...numeric(run.metrics), ...run.params } }));
  const params = varying(rows, data.runs.flatMap((run) => Object.keys(run.params)));
  const metrics = varying(rows, data.runs.flatMap((run) => Object.keys(run.metrics)));
  showParallel(find("[data-compare-parallel]"), rows, params, metrics);
  showScatter(find("[data-compare-scatter]"), rows, [...params, ...metrics], metrics);
}

export const names = () => Object.fromEntries((readData("comparison-data")?.runs ?? []).map((run) => [run.id, run.name]));

const numeric = (metrics) => Object.fromEntries(Object.entries(metrics).map(([key, value]) => [key, Number(value)]));

function varying(rows, keys) {
  return [...new Set(keys)].filter((key) => new Set(rows.map((row) => row.values[key])).size > 1);
}

function showEvaluations(host, data, numbers) {
  const entries = data.runs.flatMap((run) => (data.evaluations[run.id] ?? []).map((evaluation) => ({ run, evaluation })));
  for (const split of [...new Set(entries.map(({ evaluation }) => evaluation.split))]) {
    const same = entries.filter(({ evaluation }) => evaluation.split === split);
    const figures = make("div", { class: "figures" });
    for (const kind of Object.keys(KINDS)) {
      const curves = same.flatMap(({ run, evaluation }) => evaluation.curves.filter((curve) => curve.kind === kind).slice(0, 1).map((curve) => ({ ...curve, label: `${run.name}${evaluation.positive === null ? ` ${curve.name}` : ""}`, color: numbers.get(run.id) })));
      if (curves.length) drawCurves(figures, kind, curves);
    }
    const matrices = same.filter(({ evaluation }) => evaluation.matrix);
    showMatrices(figures, matrices.slice(0, MAX_MATRICES));
    if (figures.hasChildNodes()) host.append(make("section", { class: "evaluation" }, make("h2", {}, split), figures));
  }
}

function showMatrices(host, entries) {
  for (const { run, evaluation } of entries) {
    const own = make("div");
    showMatrix(own, evaluation.matrix, { title: run.name, labels: evaluation.labels });
    host.append(find(".matrix-figure", own));
  }
  const [base, ...others] = entries;
  for (const { run, evaluation } of others.slice(0, MAX_MATRICES - 1)) {
    const { labels, matrix } = difference(evaluation, base.evaluation);
    if (matrix.rows.length) showMatrix(host, matrix, { title: `${run.name} minus ${base.run.name}`, labels, signed: true });
  }
}

function showParallel(host, rows, params, metrics) {
  if (params.length + metrics.length < 2) {
    host.append(make("p", { class: "muted" }, "These runs differ in too little."));
    return;
  }
  const chosen = [...params.slice(0, MAX_AXES - 3), ...metrics.slice(0, 3)];
  new Parallel(host, rows, chosen, { colored: metrics[0] });
}

function showScatter(host, rows, keys, metrics) {
  const usable = keys.filter((key) => rows.some((row) => typeof row.values[key] === "number"));
  if (usable.length < 2) {
    host.append(make("p", { class: "muted" }, "There are fewer than two numbers in which these runs differ."));
    return;
  }
  const select = (label, value) => {
    const choice = make("select", {}, ...usable.map((key) => make("option", {}, key)));
    choice.value = value;
    return [choice, make("label", {}, label, choice)];
  };
  const [x, xLabel] = select("x", usable[0]);
  const [y, yLabel] = select("y", metrics.find((key) => key !== usable[0]) ?? usable[1]);
  const check = (text) => {
    const box = make("input", { type: "checkbox" });
    return [box, make("label", {}, box, text)];
  };
  const [xLog, xLogLabel] = check("log x");
  const [yLog, yLogLabel] = check("log y");
  const tools = make("div", { class: "axes" }, xLabel, yLabel, xLogLabel, yLogLabel);
  host.append(tools);
  const chart = new Chart(host, { title: "Runs", tall: true, nearest: true, tipText: (one, at) => `${format(one.x[at])}, ${format(one.y[at])}` });
  const draw = () => chart.set(rows.map((row, at) => ({ row, at })).filter(({ row }) => Number.isFinite(row.values[x.value]) && Number.isFinite(row.values[y.value]))
    .map(({ row, at }) => ({ name: row.name, color: at, x: [row.values[x.value]], y: [row.values[y.value]], style: "points", size: 5 })), { xTitle: x.value, yTitle: y.value, xLog: xLog.checked, yLog: yLog.checked });
  tools.addEventListener("change", draw);
  draw();
}

export function startSearchTable() {
  const data = readData("search-data");
  const host = find("[data-parallel]");
  if (!data || !host || host.hasChildNodes()) return;
  const rows = data.rows.map((row, at) => ({ name: `candidate ${at}`, at, values: Object.fromEntries(data.head.map((name, place) => [name, row[place] !== "" && Number.isFinite(Number(row[place])) ? Number(row[place]) : row[place]])) }));
  const lines = [...host.closest("section").nextElementSibling.querySelectorAll(".csv tbody tr")];
  new Parallel(host, rows, data.axes, { colored: data.score, onKeep: (kept) => {
    const numbers = new Set(kept.map((row) => row.at));
    rows.forEach((row) => lines[row.at] && (lines[row.at].hidden = !numbers.has(row.at)));
  } });
}
