// Points of metrics: from the server, or in a saved report from the file itself.
import { readData } from "./dom.js";

const AT_ONCE = 60;

export async function fetchPoints(runs, keys, { points = 1000, from, to } = {}) {
  const saved = readData("points-data");
  if (saved) return saved.filter((one) => runs.includes(one.run) && keys.includes(one.key)).map((one) => columns(within(one, from, to)));
  const perCall = Math.max(Math.floor(AT_ONCE / runs.length), 1);
  const calls = [];
  for (let at = 0; at < keys.length; at += perCall) calls.push(ask(runs, keys.slice(at, at + perCall), { points, from, to }));
  return (await Promise.all(calls)).flat();
}

async function ask(runs, keys, { points, from, to }) {
  const query = new URLSearchParams([...runs.map((run) => ["run", run]), ...keys.map((key) => ["key", key]), ["points", points]]);
  if (from !== undefined) query.set("from", Math.floor(from));
  if (to !== undefined) query.set("to", Math.ceil(to));
  const response = await fetch(`/api/points?${query}`);
  if (!response.ok) throw new Error("the points cannot be read");
  return (await response.json()).series.map(columns);
}

// "NaN" and the infinities are texts in JSON.
function columns(one) {
  return { ...one, values: one.values.map(Number) };
}

function within(one, from = -Infinity, to = Infinity) {
  const kept = one.steps.map((step, at) => (step >= from && step <= to ? at : -1)).filter((at) => at >= 0);
  if (kept.length === one.steps.length) return one;
  const take = (column) => kept.map((at) => column[at]);
  return { ...one, steps: take(one.steps), values: take(one.values), times: take(one.times) };
}
