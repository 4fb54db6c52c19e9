// A page of one run: rename, describe, tag, delete; find in long tables; sort tables by a click on a head.
import { find, findAll } from "./dom.js";
import { ask, move, rename, send, tag } from "./edit.js";
import { register } from "./models.js";

export function startRun() {
  const page = find("[data-run].run-page");
  const again = () => location.reload();
  const actions = page ? {
    "rename-run": () => rename([page.dataset.run], page.dataset.name, again),
    "delete-run": () => move("delete", [page.dataset.run], () => setTimeout(again, 900)),
    "restore-run": () => move("restore", [page.dataset.run], () => setTimeout(again, 900)),
    "tag-run": () => tag([page.dataset.run], again),
    describe: () => describe(page.dataset.run, again),
    "register-model": (button) => register(page.dataset.run, button.dataset),
  } : {};
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button && actions[button.dataset.do]) actions[button.dataset.do](button);
    const head = event.target.closest("[data-sortable] thead th");
    if (head) sortBy(head);
  });
  document.addEventListener("input", (event) => {
    if (event.target.dataset.search) findIn(event.target.dataset.search, event.target.value);
  });
  return { e: actions["rename-run"] ?? (() => {}), Delete: actions["delete-run"] ?? (() => {}) };
}

async function describe(run, done) {
  const now = find("[data-note-text]");
  const answer = await ask("Description", [{ name: "text", label: "What should others know about this run?", value: find(".muted", now) ? "" : now.textContent, long: true }]);
  if (!answer) return;
  await send("/api/runs", { action: "tag", runs: [run], tags: { "mlflow.note.content": answer.text || null } });
  done();
}

function findIn(name, text) {
  const wanted = text.toLowerCase();
  for (const row of findAll(`[data-search-in="${CSS.escape(name)}"] tbody tr`)) row.hidden = !row.textContent.toLowerCase().includes(wanted);
}

function sortBy(head) {
  const table = head.closest("table");
  const at = [...head.parentNode.children].indexOf(head);
  const descending = head.getAttribute("aria-sort") !== "descending";
  for (const other of head.parentNode.children) other.removeAttribute("aria-sort");
  head.setAttribute("aria-sort", descending ? "descending" : "ascending");
  const value = (row) => row.children[at]?.textContent.trim().replace(/,/g, "") ?? "";
  const order = (a, b) => {
    const [x, y] = [value(a), value(b)];
    const [p, q] = [Number(x), Number(y)];
    const numbers = x !== "" && y !== "" && !Number.isNaN(p) && !Number.isNaN(q);
    return numbers ? p - q : x.localeCompare(y, undefined, { numeric: true });
  };
  const body = find("tbody", table);
  body.append(...[...body.children].sort((a, b) => (descending ? order(b, a) : order(a, b))));
}
