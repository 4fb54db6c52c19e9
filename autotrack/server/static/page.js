// Change a part of the page without loading all of it: the server makes every view, an address is all it needs.
import { find } from "./dom.js";

const PARTS = ["experiments", "filter-problem", "facts", "content", "actions"];
let after = () => {};
let last = 0;
let shown = viewOf(location.href);

export const onChange = (action) => (after = action);

// Show the view of another address in place.
export async function go(address, { push = true } = {}) {
  if (push) history.pushState({}, "", address);
  await show(address);
}

// Read the view in force again, because something in the store has changed.
export const reload = () => show(location.pathname + location.search);

async function show(address) {
  const number = ++last;
  document.body.setAttribute("aria-busy", "true");
  const started = performance.now();
  const response = await fetch(address, { headers: { accept: "text/html" } });
  if (number !== last) return;
  if (!response.ok && response.status === 401) {
    location.reload();
    return;
  }
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html");
  const place = placeOf(address);
  for (const id of PARTS) {
    const [now, next] = [document.getElementById(id), fresh.getElementById(id)];
    if (now && next && !now.isEqualNode(next)) now.replaceWith(document.adoptNode(next));
  }
  if (place?.left || place?.top) find(".table-box")?.scrollTo(place.left, place.top ?? 0); // a fresh table stands at 0, 0
  shown = viewOf(address);
  document.title = fresh.title;
  document.body.removeAttribute("aria-busy");
  document.body.dataset.took = String(Math.round(performance.now() - started));
  after(place?.top === null ? null : place);
}

// Where the table is scrolled to. It stays there, but another view begins with its first row.
function placeOf(address) {
  const box = find(".table-box");
  return box && { left: box.scrollLeft, top: viewOf(address) === shown ? box.scrollTop : null };
}

// An address without what may change while one looks at the same runs: the page, and whose child runs are shown.
function viewOf(address) {
  const query = new URL(address, location.origin).searchParams;
  for (const name of ["page", "open"]) query.delete(name);
  return query.toString();
}

// The address of the view in force with some parts of it changed; an empty value leaves a part out.
export function viewWith(changes) {
  const query = new URLSearchParams(location.search);
  query.delete("page");
  for (const [name, value] of Object.entries(changes)) {
    if (value) query.set(name, value);
    else query.delete(name);
  }
  const text = query.toString();
  return text ? `/?${text}` : "/";
}
