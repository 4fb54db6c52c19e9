// Widths of columns: drag the edge of a head, double-click it for the usual width; Shift and arrows on a head do it too.
// They are this browser's, by column, and not part of the address.
import { make } from "./dom.js";

const KEY = "autotrack_widths";
const [LEAST, STEP] = [60, 24];
const columnOf = (head) => head.title || head.textContent.trim();

function read() {
  try {
    return JSON.parse(localStorage.getItem(KEY)) ?? {};
  } catch {
    return {};
  }
}

function keep(column, width) {
  const widths = read();
  if (width) widths[column] = width;
  else delete widths[column];
  localStorage.setItem(KEY, JSON.stringify(widths));
}

// After the table came anew: its heads get their grips, and its columns the widths that a person gave them.
export function startWidths(table) {
  if (!table) return;
  const widths = read();
  if (headsOf(table).some((head) => widths[columnOf(head)])) measure(table);
  for (const head of headsOf(table).filter((head) => !head.matches(".pick, .spark"))) {
    const column = columnOf(head);
    const grip = make("span", { class: "grip", "aria-hidden": "true", title: "Drag for another width, double-click for the usual one" });
    grip.addEventListener("pointerdown", (event) => drag(table, head, grip, event));
    grip.addEventListener("dblclick", () => set(table, head, column, 0));
    head.append(grip);
    head.addEventListener("keydown", (event) => {
      const by = { ArrowLeft: -STEP, ArrowRight: STEP }[event.key];
      if (!by || !event.shiftKey) return;
      event.preventDefault();
      set(table, head, column, Math.max(head.offsetWidth + by, LEAST));
    });
  }
}

const headsOf = (table) => [...table.tHead.rows[0].cells];

// Before rows come that could move them: from then on columns keep their widths.
export function fix(table) {
  if (!table.classList.contains("fixed")) measure(table);
}

// A window of another size has room for other widths.
export function measureAgain(table) {
  if (table?.classList.contains("fixed")) measure(table);
}

// What the content of each column asks for, or the person.
function measure(table) {
  const widths = read();
  table.classList.remove("fixed");
  table.style.width = "";
  for (const head of headsOf(table)) head.style.width = "";
  for (const head of headsOf(table)) head.dataset.usual = Math.ceil(head.getBoundingClientRect().width);
  for (const head of headsOf(table)) head.dataset.width = widths[columnOf(head)] ?? head.dataset.usual;
  table.classList.add("fixed");
  fit(table);
}

// The last column takes what is left where there is room for more than all of them.
function fit(table) {
  const heads = headsOf(table);
  const sum = heads.reduce((sum, head) => sum + Number(head.dataset.width), 0);
  table.style.width = `max(100%, ${sum}px)`;
  for (const head of heads) head.style.width = head === heads.at(-1) ? "" : `${head.dataset.width}px`;
}

function drag(table, head, grip, start) {
  start.preventDefault();
  const width = head.offsetWidth;
  const wanted = (event) => Math.max(width + event.clientX - start.clientX, LEAST);
  const move = (event) => apply(table, head, wanted(event));
  grip.setPointerCapture(start.pointerId);
  grip.addEventListener("pointermove", move);
  grip.addEventListener("pointerup", (event) => {
    grip.removeEventListener("pointermove", move);
    if (event.clientX !== start.clientX) keep(columnOf(head), wanted(event));
  }, { once: true });
}

function set(table, head, column, width) {
  apply(table, head, width);
  keep(column, width);
}

function apply(table, head, width) {
  fix(table);
  head.dataset.width = width || head.dataset.usual;
  fit(table);
}
