// Change a part of the page without loading all of it: the server makes every view, an address is all it needs.
import { find } from "./dom.js";

const PARTS = ["experiments", "filter-problem", "facts", "content", "actions"];
let after = () => {};
let last = 0;
let shown = location.pathname + location.search;

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
  for (const id of PARTS) {
    const [now, next] = [document.getElementById(id), fresh.getElementById(id)];
    if (now && next && !now.isEqualNode(next)) replace(now, document.adoptNode(next), address === shown);
  }
  shown = address;
  document.title = fresh.title;
  document.body.removeAttribute("aria-busy");
  document.body.dataset.took = String(Math.round(performance.now() - started));
  after();
}

// The place to which a table was scrolled stays, but another view begins with its first row.
function replace(now, next, again) {
  const box = find(".table-box", now);
  const [top, left] = [(again && box?.scrollTop) || 0, box?.scrollLeft ?? 0];
  now.replaceWith(next);
  const fresh = find(".table-box", next);
  if (fresh) fresh.scrollTo(left, top);
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
