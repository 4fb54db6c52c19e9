// The course of metrics: a chart for each, with one row of tools for all of them.
import { Chart, nearestIndex } from "./chart.js";
import { debounce, find, findAll, format } from "./dom.js";
import { fetchPoints } from "./points.js";
import { clockText, lengthText, tickText } from "./scales.js";

const panels = [];

export function startCurves(names) {
  for (const host of findAll("[data-charts]")) if (!host.dataset.started) panels.push(new Panel(host, names));
  for (const tools of findAll("[data-charts-for]")) if (!tools.dataset.started) useTools(tools);
}

export const refreshCurves = () => Promise.all(panels.filter((panel) => panel.host.isConnected && "live" in panel.host.dataset).map((panel) => panel.load()));

class Panel {
  constructor(host, names = {}) {
    this.host = host;
    host.dataset.started = "1";
    this.names = names;
    this.runs = host.dataset.runs.split(",");
    this.keys = JSON.parse(host.dataset.keys);
    this.view = { axis: host.dataset.axis ?? "step", smoothing: 0, log: false, logx: false, clip: false, search: "" };
    this.charts = new Map();
    this.seen = new Set();
    this.zoomed = debounce((range) => this.closer(range), 120);
    this.build();
  }

  // A chart is filled when it comes into sight: pages with hundreds of them open at once.
  build() {
    const sight = new IntersectionObserver((entries) => {
      const fresh = entries.filter((entry) => entry.isIntersecting).map((entry) => entry.target.dataset.key).filter((key) => !this.seen.has(key));
      for (const key of fresh) this.seen.add(key);
      if (fresh.length) this.load(fresh);
    }, { rootMargin: "300px" });
    for (const key of this.keys) {
      const chart = new Chart(this.host, { title: key, xTitle: "step", link: this.host.dataset.charts || "overview", onZoom: (range) => this.zoomed(range) });
      chart.figure.dataset.key = key;
      this.charts.set(key, { chart, series: [] });
      sight.observe(chart.figure);
    }
  }

  async load(keys = [...this.seen]) {
    const across = this.acrossKey();
    const found = await fetchPoints(this.runs, across && !keys.includes(across) ? [...keys, across] : keys, this.steps ?? {});
    this.across = new Map(found.filter((one) => one.key === across).map((one) => [one.run, one]));
    for (const key of keys) {
      const entry = this.charts.get(key);
      entry.series = found.filter((one) => one.key === key);
      this.show(key);
    }
    this.host.dataset.loaded = String([...this.charts.values()].filter((entry) => entry.series.length).length);
  }

  // The metric whose values are the axis, if one is: "epoch", or any other as "metric:its name".
  acrossKey() {
    if (this.view.axis === "epoch") return "epoch";
    return this.view.axis.startsWith("metric:") ? this.view.axis.slice(7) : "";
  }

  // Zoomed in on steps, the points of that range are asked for: exact, where the whole shows a part of them.
  async closer(range) {
    this.steps = range && this.view.axis === "step" ? { from: range[0], to: range[1] } : null;
    await this.load();
  }

  async change(view) {
    const axis = view.axis && view.axis !== this.view.axis;
    Object.assign(this.view, view);
    if (axis) {
      for (const { chart } of this.charts.values()) chart.zoom = null;
      this.steps = null;
      await this.load();
    } else for (const key of this.charts.keys()) this.show(key);
  }

  show(key) {
    const { chart, series } = this.charts.get(key);
    chart.figure.hidden = !matches(key, this.view.search);
    const texts = { relative: lengthText, wall: clockText };
    const titles = { step: "step", relative: "since the start", wall: "" };
    const lines = series.flatMap((one) => this.lines(one, this.runs.length > 1 ? this.runs.indexOf(one.run) : 0));
    chart.set(lines, { note: note(series, this.steps), yLog: this.view.log, xLog: this.view.logx, clip: this.view.clip, nearest: !lines.every(({ x }) => rises(x)),
      xText: texts[this.view.axis] ?? tickText, xTitle: titles[this.view.axis] ?? this.acrossKey() });
  }

  lines(one, number) {
    const { x, values } = this.points(one);
    const name = this.names[one.run] ?? (this.runs.length > 1 ? one.run.slice(0, 8) : "");
    const marks = this.view.axis === "step" ? { nans: one.nans, highs: one.highs, lows: one.lows } : {};
    const plain = { name, color: number, x, y: values, raw: values, style: "line" };
    if (!this.view.smoothing) return [{ ...plain, ...marks }];
    return [{ ...plain, style: "ghost" }, { ...plain, ...marks, y: smooth(values, this.view.smoothing) }];
  }

  // Along another metric each point stands where that metric was at the nearest step; without it there is nothing to
  // show, but a run that counted no epochs is shown by its steps.
  points(one) {
    if (this.view.axis === "wall") return { x: one.times, values: one.values };
    if (this.view.axis === "relative") return { x: one.times.map((time) => time - one.times[0]), values: one.values };
    const across = this.across?.get(one.run);
    if (!across?.steps.length) return this.view.axis.startsWith("metric:") ? { x: [], values: [] } : { x: one.steps, values: one.values };
    const x = one.steps.map((step) => across.values[nearestIndex(across.steps, step)]);
    const kept = x.map((value, at) => (Number.isFinite(value) ? at : -1)).filter((at) => at >= 0);
    return { x: kept.map((at) => x[at]), values: kept.map((at) => one.values[at]) };
  }
}

const rises = (column) => column.every((value, at) => at === 0 || value >= column[at - 1]);

function note(series, zoomed) {
  const shown = series.reduce((sum, one) => sum + one.steps.length, 0);
  const total = series.reduce((sum, one) => sum + one.total, 0);
  const last = series.length === 1 && !zoomed ? format(series[0].values[series[0].values.length - 1]) : "";
  const strange = [["nans", "▲ NaN"], ["highs", "▲ ∞"], ["lows", "▼ −∞"]].filter(([name]) => series.some((one) => one[name]?.length)).map(([, text]) => text);
  return [...strange, shown < total ? `${shown.toLocaleString("en-US")} of ${total.toLocaleString("en-US")} points` : "", last].filter(Boolean).join(" · ");
}

// Exponential moving average without bias to the first value, as TensorBoard has it; NaN is passed over.
export function smooth(values, weight) {
  let last = 0;
  let count = 0;
  return values.map((value) => {
    if (!Number.isFinite(value)) return value;
    last = last * weight + (1 - weight) * value;
    count += 1;
    return last / (1 - weight ** count);
  });
}

function matches(key, pattern) {
  try {
    return new RegExp(pattern, "i").test(key);
  } catch {
    return key.toLowerCase().includes(pattern.toLowerCase());
  }
}

// The tools of a page are part of its address, like all of a view.
function useTools(tools) {
  tools.dataset.started = "1";
  const own = () => panels.filter((panel) => panel.host.dataset.charts === tools.dataset.chartsFor);
  const state = new URLSearchParams(location.hash.slice(1));
  const inputs = Object.fromEntries(["search", "axis", "smoothing", "log", "logx", "clip"].map((name) => [name, find(`[data-tool=${name}]`, tools)]));
  for (const [name, input] of Object.entries(inputs)) {
    if (state.has(name)) input[input.type === "checkbox" ? "checked" : "value"] = input.type === "checkbox" ? state.get(name) === "1" : state.get(name);
  }
  const usual = tools.dataset.axis;
  if (!inputs.axis.value) inputs.axis.value = usual; // the address names a metric that is not here
  const read = () => ({ search: inputs.search.value, axis: inputs.axis.value, smoothing: Number(inputs.smoothing.value), log: inputs.log.checked, logx: inputs.logx.checked, clip: inputs.clip.checked });
  const apply = () => {
    const view = read();
    find("[data-tool=smoothing-text]", tools).textContent = String(view.smoothing);
    const kept = Object.entries(view).filter(([name, value]) => value && !(name === "axis" && value === usual));
    history.replaceState(history.state, "", `${location.pathname}${location.search}${kept.length ? `#${new URLSearchParams(kept.map(([name, value]) => [name, value === true ? "1" : value]))}` : ""}`);
    for (const panel of own()) panel.change(view);
  };
  tools.addEventListener("input", apply);
  find("[data-tool=reset]", tools).addEventListener("click", () => {
    for (const panel of own()) [...panel.charts.values()][0]?.chart.setZoom(null);
  });
  if (location.hash.length > 1) apply();
}
