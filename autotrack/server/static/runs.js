// The table of runs: select, compare, edit, walk with the keyboard, and draw the course of the main metric.
import { chooseColumns, chooseGroups } from "./columns.js";
import { color, debounce, find, findAll } from "./dom.js";
import { ask, move, rename, send, tag, toast } from "./edit.js";
import { forgetKeys, startFilter } from "./filter.js";
import { go, onChange, reload, viewWith } from "./page.js";
import { besides, rows, startRows, turnTo } from "./rows.js";
import { measureAgain, startWidths } from "./widths.js";

const picked = new Map();
let current = null;
let sparks = {};

export function startRuns() {
  startFilter();
  onChange(restore);
  document.addEventListener("click", clicked);
  document.addEventListener("change", changed);
  window.addEventListener("popstate", () => {
    find("#filter-text").value = new URLSearchParams(location.search).get("filter") ?? "";
    go(location.pathname + location.search, { push: false });
  });
  window.addEventListener("resize", debounce(() => measureAgain(find(".runs-table")), 150));
  restore();
}

// After the table came anew: what was selected still is, and the row under the keyboard too.
function restore(again = null) {
  mark(document);
  showActions();
  const table = find(".runs-table");
  startWidths(table);
  startRows(table?.dataset.page ? table : null, { again, arrived: (body) => {
    mark(body);
    times(body);
    drawSparks(body);
  } });
  drawSparks();
  times();
  const filter = find("#filter");
  for (const [name, value] of new URLSearchParams(location.search)) {
    const hidden = find(`input[type=hidden][name=${CSS.escape(name)}]`, filter);
    if (hidden) hidden.value = value;
  }
}

function mark(within) {
  for (const row of findAll("tr[data-run]", within)) {
    const on = picked.has(row.dataset.run);
    row.classList.toggle("picked", on);
    find("[data-pick]", row).checked = on;
    row.classList.toggle("current", row.dataset.run === current);
  }
}

export function times(within = document) {
  for (const time of findAll("time[datetime]", within)) time.title = new Date(time.dateTime).toLocaleString();
}

function pick(row, on = !picked.has(row.dataset.run)) {
  if (on) picked.set(row.dataset.run, row.dataset.name);
  else picked.delete(row.dataset.run);
  row.classList.toggle("picked", on);
  find("[data-pick]", row).checked = on;
  showActions();
}

function showActions() {
  const bar = find("#actions");
  bar.hidden = picked.size === 0;
  find("[data-count]", bar).textContent = `${picked.size} selected`;
}

function unpick() {
  picked.clear();
  mark(document);
  showActions();
}

function changed(event) {
  if (event.target.matches("[data-pick]")) pick(event.target.closest("tr"), event.target.checked);
  if (event.target.matches("#page-size")) go(viewWith({ size: event.target.value === "100" ? "" : event.target.value }));
  if (event.target.matches("[data-do=pick-all]")) pickAll(event.target.checked);
}

// All runs of the view, not only those that are here.
async function pickAll(on) {
  if (!on) return unpick();
  const total = Number(find(".runs-table").dataset.total);
  if (total <= rows().length) return rows().forEach((row) => pick(row, true));
  const response = await fetch(`/api/selection?${find("#content").dataset.query}`);
  if (!response.ok) return;
  picked.clear();
  for (const [id, name] of (await response.json()).runs) picked.set(id, name);
  mark(document);
  showActions();
  if (picked.size < total) toast(`The first ${picked.size.toLocaleString("en-US")} of ${total.toLocaleString("en-US")} runs are selected`);
}

let lastPicked = null;

function clicked(event) {
  const box = event.target.closest("[data-pick]");
  if (box) pickRange(box.closest("tr"), event.shiftKey);
  const button = event.target.closest("[data-do]");
  if (button && actions[button.dataset.do]) {
    event.preventDefault();
    actions[button.dataset.do](button);
    return;
  }
  const link = event.target.closest("a[href^='/?'], a[href='/']");
  const plain = event.button === 0 && !event.ctrlKey && !event.metaKey && !event.shiftKey;
  if (link && plain && !link.hasAttribute("download")) {
    event.preventDefault();
    const address = link.getAttribute("href");
    find("#filter-text").value = new URL(address, location.origin).searchParams.get("filter") ?? "";
    forgetKeys();
    go(address);
  }
}

function pickRange(row, whole) {
  const all = rows();
  const [from, to] = [all.findIndex((one) => one.dataset.run === lastPicked), all.indexOf(row)];
  if (whole && from >= 0) for (const one of all.slice(Math.min(from, to), Math.max(from, to) + 1)) pick(one, true);
  lastPicked = row.dataset.run;
}

const chosen = () => (picked.size ? [...picked.keys()] : current ? [current] : []);
const done = () => {
  picked.clear();
  reload();
};

export const actions = {
  columns: () => chooseColumns(),
  group: () => chooseGroups(),
  unpick,
  compare: () => chosen().length && location.assign(`/compare?runs=${chosen().join(",")}`),
  rename: () => chosen().length && rename(chosen(), picked.get(chosen()[0]) ?? rowOf(current)?.dataset.name ?? "", reload),
  tag: () => chosen().length && tag(chosen(), reload),
  delete: () => chosen().length && move("delete", chosen(), done),
  restore: () => chosen().length && move("restore", chosen(), done),
  "export-picked": () => location.assign(`/export/runs.csv?runs=${chosen().join(",")}`),
  "save-view": async () => {
    const answer = await ask("Save this view", [{ name: "name", label: "Name" }]);
    if (!answer?.name.trim()) return;
    await send("/api/views", { name: answer.name.trim(), query: location.search.slice(1) });
    toast("View saved");
    reload();
  },
  "forget-view": async (button) => {
    await send("/api/views", { name: button.dataset.name });
    reload();
  },
};

const rowOf = (id) => rows().find((row) => row.dataset.run === id);

export const keys = {
  j: () => walk(1),
  k: () => walk(-1),
  n: () => turn(1),
  p: () => turn(-1),
  x: () => rowOf(current) && pick(rowOf(current)),
  c: actions.compare,
  e: actions.rename,
  t: actions.tag,
  o: actions.columns,
  Delete: () => (find("#content").dataset.deleted === "1" ? actions.restore() : actions.delete()),
  Enter: () => current && location.assign(`/runs/${current}`),
  Escape: unpick,
  "/": () => find("#filter-text").focus(),
};

async function walk(by) {
  const row = rowOf(current);
  stand(row ? await besides(row, by) : rows()[0]);
}

function stand(row) {
  if (!row) return;
  current = row.dataset.run;
  for (const one of findAll("tr.current")) one.classList.remove("current");
  row.classList.add("current");
  row.scrollIntoView({ block: "nearest" });
}

// To the next or previous page of the table, and onto its first run.
async function turn(by) {
  stand(await turnTo(by, rowOf(current)));
}

async function drawSparks(within = document) {
  const table = find("table[data-spark]");
  const key = table?.dataset.spark;
  if (!key) return;
  const ids = findAll("tr[data-run]", within).map((row) => row.dataset.run);
  paintSparks(within);
  const response = await fetch(`/api/sparks?${new URLSearchParams({ key, runs: ids.join(",") })}`);
  if (!response.ok) return;
  Object.assign(sparks, await response.json());
  paintSparks(within);
}

export function paintSparks(within = document) {
  const ratio = window.devicePixelRatio || 1;
  for (const row of findAll("tr[data-run]", within)) {
    const values = (sparks[row.dataset.run] ?? []).map(Number).filter(Number.isFinite);
    const canvas = find("td.spark canvas", row);
    if (!canvas || values.length < 2) continue;
    const [width, height] = [96, 22];
    canvas.width = width * ratio;
    canvas.height = height * ratio;
    canvas.style.width = `${width}px`;
    canvas.style.height = `${height}px`;
    const context = canvas.getContext("2d");
    context.scale(ratio, ratio);
    context.strokeStyle = color("--c0");
    context.lineWidth = 1.3;
    const [low, high] = [Math.min(...values), Math.max(...values)];
    context.beginPath();
    values.forEach((value, at) => context.lineTo((at / (values.length - 1)) * (width - 2) + 1, height - 3 - ((value - low) / (high - low || 1)) * (height - 6)));
    context.stroke();
  }
}
