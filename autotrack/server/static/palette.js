// The palette (Ctrl or Cmd and K): go to a run, an experiment, a model or a page, or do what the page can do, by typing.
import { debounce, find, findAll, make } from "./dom.js";

const PAGES = [["Runs", "/"], ["Models", "/models"], ["Trash", "/?deleted=1"]];
let asked = 0;

export function startPalette() {
  const dialog = find("#palette");
  const input = find("input", dialog);
  const list = find("ul", dialog);
  const state = { entries: [], at: 0 };
  const show = (entries) => {
    state.entries = entries;
    list.replaceChildren(...entries.map((entry, at) => {
      const item = make("li", { role: "option", id: `palette-${at}` }, make("span", { class: "kind" }, entry.kind), make("span", { class: "clip" }, entry.title), make("span", { class: "count clip" }, entry.note ?? ""));
      item.addEventListener("click", () => run(at));
      return item;
    }));
    choose(0);
  };
  const choose = (at) => {
    state.at = Math.min(Math.max(at, 0), state.entries.length - 1);
    [...list.children].forEach((item, number) => item.setAttribute("aria-selected", String(number === state.at)));
    list.children[state.at]?.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", state.at >= 0 ? `palette-${state.at}` : "");
  };
  const run = (at) => {
    const entry = state.entries[at];
    if (!entry) return;
    dialog.close();
    if (entry.path) location.assign(entry.path);
    else entry.act();
  };
  const search = async () => {
    const number = ++asked;
    const response = await fetch(`/api/find?${new URLSearchParams({ text: input.value })}`);
    if (number !== asked || !response.ok) return;
    show([...here(input.value), ...(await response.json()).found]);
  };
  const soon = debounce(search, 120);
  input.addEventListener("input", () => {
    show(here(input.value));
    soon();
  });
  input.addEventListener("keydown", (event) => {
    const by = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (by) choose(state.at + by);
    else if (event.key === "Enter") run(state.at);
    else return;
    event.preventDefault();
  });
  const open = () => {
    if (find("dialog[open]")) return;
    input.value = "";
    show(here(""));
    dialog.showModal();
    search();
  };
  document.addEventListener("keydown", (event) => {
    if (event.key.toLowerCase() !== "k" || !(event.ctrlKey || event.metaKey) || event.shiftKey || event.altKey) return;
    event.preventDefault();
    open();
  });
  document.addEventListener("click", (event) => event.target.closest("[data-do=palette]") && open());
}

// Pages, tabs of the run, and the buttons that can be pressed now; what they are called is what they say.
function here(text) {
  const pages = PAGES.map(([title, path]) => ({ kind: "page", title, path }));
  const tabs = findAll(".tabs a").map((link) => ({ kind: "tab", title: link.firstChild.textContent.trim(), path: link.getAttribute("href") }));
  const buttons = findAll("button[data-do]").filter((button) => button.checkVisibility() && button.dataset.do !== "palette");
  const actions = buttons.map((button) => ({ kind: "action", title: (button.getAttribute("aria-label") ?? button.textContent).trim(), act: () => button.click() }));
  const wanted = text.trim().toLowerCase();
  return [...tabs, ...pages, ...actions].filter(({ title }) => title.toLowerCase().includes(wanted));
}
