// A long table: rows of the pages in sight, and room for all others. The server makes every page; this fetches those that
// come into sight, forgets those far away, and keeps the page that is seen in the address.
import { debounce, find, findAll, make } from "./dom.js";
import { fix } from "./widths.js";

const [AHEAD, FAR, PAUSE] = [600, 6, 60];
let long = null;
let waiting = null;

export const rows = () => findAll("tr[data-run]");

// After the table came anew. `again` is where the same view was scrolled to before; `arrived` is told of fresh rows.
// The first page is painted before room is made for the others: nobody sees these yet.
export function startRows(table, { again = null, arrived }) {
  if (table && table === long?.table) return;
  const before = long;
  long?.ending.abort();
  long?.sight.disconnect();
  long = waiting = null;
  if (!table) return;
  const [page, size, total] = ["page", "size", "total"].map((name) => Number(table.dataset[name]));
  const pages = Math.ceil(total / size);
  document.body.classList.toggle("long", pages > 1);
  if (pages < 2 || page > pages) return;
  const start = waiting = () => {
    waiting = null;
    const { fields, query } = find("#content").dataset;
    const bodies = Array(pages).fill(null);
    const kept = again && before?.fields === fields ? before.bodies : bodies;
    long = { table, box: table.closest(".table-box"), size, total, arrived, fields, bodies, pending: new Map(), near: new Set(), ending: new AbortController(), query: new URLSearchParams(query) };
    makeRoom(page, kept, again?.top);
    watch();
  };
  if (again || page > 1) start();
  else requestIdleCallback(() => waiting === start && start(), { timeout: 300 });
}

// Rows of pages that were here before stay until fresh ones have come.
function makeRoom(page, kept, top) {
  const { table, box, bodies } = long;
  const first = table.tBodies[0];
  long.height = first.offsetHeight / first.rows.length;
  bodies.forEach((_, at) => {
    const isHere = at + 1 === page;
    const body = isHere ? first : kept[at]?.dataset.loaded ? kept[at] : room(at + 1);
    body.dataset.page = at + 1;
    body.dataset.loaded = isHere ? "1" : body.dataset.loaded ? "old" : "";
    bodies[at] = body;
  });
  if (bodies.some((body) => body.dataset.loaded === "old")) fix(table);
  first.before(...bodies.slice(0, page - 1));
  first.after(...bodies.slice(page));
  if (scrollsItself()) box.scrollTo(box.scrollLeft, top ?? placeOf(first));
  else if (top === undefined && page > 1) first.scrollIntoView();
}

// On a phone the page scrolls, and the table in it does not.
const scrollsItself = () => getComputedStyle(long.box).maxHeight !== "none";
const placeOf = (body) => body.offsetTop - long.table.tHead.offsetHeight;

function room(page) {
  const cell = make("td");
  cell.style.height = `${long.height * Math.min(long.size, long.total - (page - 1) * long.size)}px`;
  return make("tbody", { class: "room", "aria-hidden": "true" }, make("tr", {}, cell));
}

function watch() {
  const { box, bodies, near, ending } = long;
  const load = debounce(() => {
    for (const body of near) if (body.isConnected && body.dataset.loaded !== "1") fetchPage(Number(body.dataset.page));
    forget();
  }, PAUSE);
  long.sight = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) isIntersecting ? near.add(target) : near.delete(target);
    load();
  }, { root: scrollsItself() ? box : null, rootMargin: `${AHEAD}px 0px` });
  for (const body of bodies) long.sight.observe(body);
  (scrollsItself() ? box : document).addEventListener("scroll", debounce(() => long?.box === box && keepPlace(), PAUSE * 2), { passive: true, signal: ending.signal });
  keepPlace();
}

function fetchPage(page) {
  const { pending } = long;
  if (!pending.has(page)) pending.set(page, askFor(long, page).finally(() => pending.delete(page)));
  return pending.get(page);
}

async function askFor({ table, query, fields }, page) {
  const asked = new URLSearchParams(query);
  for (const [name, value] of [["page", page], ["fields", fields], ["spark", table.dataset.spark], ["data", table.dataset.data]]) asked.set(name, value);
  const response = await fetch(`/rows?${asked}`, { headers: { accept: "text/html" } });
  if (!response.ok) return;
  const fresh = new DOMParser().parseFromString(await response.text(), "text/html").querySelector("tbody");
  if (long?.table !== table || !fresh.rows.length) return;
  fresh.dataset.loaded = "1";
  fix(table);
  replace(page, document.adoptNode(fresh));
  long.arrived(fresh);
}

function replace(page, body) {
  const old = long.bodies[page - 1];
  body.dataset.page = page;
  long.bodies[page - 1] = body;
  long.sight.unobserve(old);
  long.near.delete(old);
  old.replaceWith(body);
  long.sight.observe(body);
}

// Rows far away cost time at every change of the layout.
function forget() {
  const seen = [...long.near].map((body) => Number(body.dataset.page));
  if (!seen.length) return;
  const [least, most] = [Math.min(...seen) - FAR, Math.max(...seen) + FAR];
  for (const body of long.bodies) {
    const page = Number(body.dataset.page);
    if (!body.dataset.loaded || (page >= least && page <= most)) continue;
    const place = room(page);
    place.dataset.loaded = "";
    find("td", place).style.height = `${body.offsetHeight}px`;
    replace(page, place);
  }
}

function keepPlace() {
  const { box, bodies, table, total } = long;
  const top = scrollsItself() ? box.scrollTop + table.tHead.offsetHeight : -table.getBoundingClientRect().top;
  const seen = bodies.findLast((body) => body.offsetTop <= top + 1) ?? bodies[0];
  const bottom = top + (scrollsItself() ? box.clientHeight - table.tHead.offsetHeight : innerHeight);
  const row = (place) => (Number(seen.dataset.page) - 1) * long.size + (place - seen.offsetTop) / long.height;
  const [least, most] = [Math.max(Math.floor(row(top)) + 1, 1), Math.min(Math.ceil(row(bottom - 2)), total)].map((number) => number.toLocaleString("en-US"));
  const place = find("#rows-in-sight");
  if (place) place.textContent = `rows ${least}\u2013${most}`;
  const address = new URL(location);
  if (seen.dataset.page === "1") address.searchParams.delete("page");
  else address.searchParams.set("page", seen.dataset.page);
  if (address.href !== location.href) history.replaceState(history.state, "", address);
}

// To the page after or before that of a row, or of what is seen: its first row, once it has come. Null in a short table.
export async function turnTo(by, row) {
  waiting?.();
  if (!long) return null;
  const now = Number(row?.parentElement.dataset.page ?? new URLSearchParams(location.search).get("page") ?? 1);
  return showPage(Math.min(Math.max(now + by, 1), long.bodies.length));
}

async function showPage(page) {
  const [{ box, bodies }, body] = [long, long.bodies[page - 1]];
  if (!body.dataset.loaded) await fetchPage(page);
  if (scrollsItself()) box.scrollTo(box.scrollLeft, placeOf(bodies[page - 1]));
  else bodies[page - 1].scrollIntoView();
  return find("tr[data-run]", bodies[page - 1]);
}

// The row after or before one, fetched if it has to be.
export async function besides(row, by) {
  waiting?.();
  const [way, end] = by > 0 ? ["nextElementSibling", "firstElementChild"] : ["previousElementSibling", "lastElementChild"];
  if (row[way]) return row[way];
  const body = row.parentElement[way];
  if (!long || body?.tagName !== "TBODY") return row;
  if (!body.dataset.loaded) await fetchPage(Number(body.dataset.page));
  const found = long.bodies[Number(body.dataset.page) - 1][end];
  return found.dataset.run ? found : row;
}
