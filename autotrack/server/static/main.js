// What every page starts: theme, keyboard, live updates, and the parts that the page has.
import { followMlflowAddresses } from "./addresses.js";
import { redrawAll } from "./chart.js";
import { names, startComparison, startSearchTable } from "./compare.js";
import { startCopy } from "./copy.js";
import { refreshCurves, startCurves } from "./curves.js";
import { find, findAll, paintSwatches, startScrollers } from "./dom.js";
import { startEvaluation } from "./evaluation.js";
import { startModel } from "./models.js";
import { reload } from "./page.js";
import { startPalette } from "./palette.js";
import { startRun } from "./run.js";
import { keys as runsKeys, paintSparks, startRuns, times } from "./runs.js";

const kind = document.body.dataset.page;
const shortcuts = { "?": () => find("#help").showModal() };

function startTheme() {
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const repaint = () => {
    paintSwatches();
    redrawAll();
    if (kind === "runs") paintSparks();
  };
  dark.addEventListener("change", repaint);
  document.addEventListener("click", (event) => {
    if (event.target.closest("[data-do=help]")) shortcuts["?"]();
    if (event.target.closest("[data-do=close]")) event.target.closest("dialog").close("");
    if (!event.target.closest("[data-do=theme]")) return;
    const now = document.documentElement.dataset.theme || (dark.matches ? "dark" : "light");
    const next = now === "dark" ? "light" : "dark";
    document.documentElement.dataset.theme = next;
    document.cookie = `autotrack_theme=${next}; path=/; max-age=31536000; samesite=strict`;
    repaint();
  });
}

function startKeys() {
  let before = "";
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input:not([type=checkbox]), textarea, select, dialog")) return;
    if (event.key === "Enter" && event.target.closest("a, button, summary")) return;
    const both = `${before}${event.key}`;
    before = event.key;
    const place = { gr: "/", gm: "/models" }[both];
    const action = place ? () => location.assign(place) : shortcuts[event.key];
    if (!action) return;
    event.preventDefault();
    action();
  });
  // The trash and the help close with Escape by themselves; the menu does so here.
  document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("details.menu[open]")) if (!menu.contains(event.target)) menu.open = false;
  });
}

// The server says when something was recorded; a page that is not looked at waits.
function startLive(changed) {
  const live = find("#live");
  let waiting = false;
  let mark = null;
  const refresh = () => {
    waiting = document.hidden || (live && !live.checked) || document.querySelector("dialog[open]") !== null;
    if (!waiting) changed();
  };
  const events = new EventSource("/api/events");
  events.addEventListener("message", (event) => {
    const first = mark === null;
    if (event.data === mark) return;
    mark = event.data;
    if (!first) refresh();
  });
  window.addEventListener("pagehide", () => events.close());
  for (const [target, name] of [[document, "visibilitychange"], [live ?? document, "change"]]) target.addEventListener(name, () => waiting && refresh());
}

async function refreshRun() {
  await refreshCurves();
  const page = find("[data-run].run-page");
  if (page?.dataset.status !== "running") return;
  const response = await fetch(location.pathname, { headers: { accept: "text/html" } });
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  for (const part of [".numbers", "table.metrics tbody", ".facts"]) {
    const [now, next] = [find(part), fresh.querySelector(part)];
    if (now && next && !now.isEqualNode(next)) now.replaceWith(document.adoptNode(next));
  }
  const status = fresh.querySelector("[data-run].run-page")?.dataset.status;
  if (status && status !== "running") location.reload();
}

followMlflowAddresses();
startTheme();
startCopy();
startKeys();
startPalette();
times();
paintSwatches();
// On a phone, tabs and experiments go on beyond the edge.
for (const chosen of findAll(".tabs [aria-current], #experiments [aria-current]")) chosen.scrollIntoView({ block: "nearest", inline: "nearest" });
if (kind === "runs") {
  startRuns();
  Object.assign(shortcuts, runsKeys);
  startLive(reload);
} else if (kind === "run") {
  Object.assign(shortcuts, startRun());
  startCurves();
  startEvaluation();
  startSearchTable();
  startLive(refreshRun);
} else if (kind === "compare") {
  startRun();
  startCurves(names());
  startComparison();
} else if (kind === "models" || kind === "model") {
  const again = () => reload().then(times);
  startModel(again);
  startLive(again);
} else if (kind === "waiting") startLive(() => location.reload());
startScrollers();
document.body.dataset.ready = "1";
