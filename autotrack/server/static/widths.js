// Widths of columns: drag the edge of a head, double-click it for the usual width; Shift and arrows on a head do it too.
// They are this browser's, by column, and not part of the address.
import { findAll, make } from "./dom.js";

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

// After the table came anew: its heads get their grips, and its columns their widths.
export function startWidths(table) {
  if (!table) return;
  const widths = read();
  for (const head of findAll("thead th:not(.pick, .spark)", table)) {
    const column = columnOf(head);
    if (widths[column]) apply(table, head, widths[column]);
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
  const at = head.cellIndex;
  for (const row of table.rows) Object.assign(row.cells[at].style, { minWidth: width ? `${width}px` : "", maxWidth: width ? `${width}px` : "" });
}
