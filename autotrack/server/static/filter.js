// The filter: completion of fields, operators and statuses at the caret, and the mistake shown while it is typed.
import { debounce, find, make } from "./dom.js";
import { go, viewWith } from "./page.js";

const MAX_SHOWN = 60;
const OPERATORS = ["=", "!=", "<", "<=", ">", ">=", "in (", "between ", "like ", "ilike ", "~ ", "is null", "is not null"];
const JOINTS = ["and ", "or "];
let known = null;

export async function allKeys() {
  if (known?.experiment !== experiment()) {
    const response = await fetch(`/api/keys?experiment=${encodeURIComponent(experiment())}`);
    known = { experiment: experiment(), ...(await response.json()) };
  }
  return known;
}

export const forgetKeys = () => (known = null);
const experiment = () => find("#content")?.dataset.experiment ?? "";

// What stands at the caret: the word that is being written, and what is expected there.
export function wordAt(text, caret) {
  const before = text.slice(0, caret);
  const word = /(?:[\p{L}_][\w]*\.)?(?:"[^"]*|`[^`]*|[\p{L}_][\w/@:.\-]*)?$/u.exec(before)[0];
  const earlier = before.slice(0, before.length - word.length).trimEnd();
  let wanted = "field";
  if (/\bstatus\s*(=|!=|in\s*\([^)]*)$/i.test(earlier)) wanted = "status";
  else if (/(=|<|>|~|\blike|\bilike|\bbetween|\bin\s*\([^)]*|,)$/i.test(earlier)) wanted = "value";
  else if (earlier && !/(\band|\bor|\bnot|\()$/i.test(earlier)) wanted = /(["'\d)\]`]|\bnull|\bnan|\btrue|\bfalse)$/i.test(earlier) && !/^[^=<>~]*$/.test(lastPart(earlier)) ? "joint" : "operator";
  return { word, wanted, start: caret - word.length };
}

const lastPart = (text) => text.split(/\b(?:and|or)\b/i).pop();

export function startFilter() {
  const form = find("#filter");
  const input = find("#filter-text");
  const list = find("#filter-options");
  const state = { options: [], chosen: -1, start: 0 };
  const close = () => {
    list.hidden = true;
    input.setAttribute("aria-expanded", "false");
    input.removeAttribute("aria-activedescendant");
    state.chosen = -1;
  };
  const choose = (at) => {
    state.chosen = at;
    [...list.children].forEach((item, number) => item.setAttribute("aria-selected", String(number === at)));
    list.children[at]?.scrollIntoView({ block: "nearest" });
    input.setAttribute("aria-activedescendant", at >= 0 ? `filter-option-${at}` : "");
  };
  const accept = (at) => {
    const text = state.options[at].insert;
    const caret = input.selectionStart;
    input.setRangeText(text, state.start, caret, "end");
    close();
    input.focus();
    check();
  };
  const complete = async () => {
    const keys = await allKeys();
    const { word, wanted, start } = wordAt(input.value, input.selectionStart);
    state.start = start;
    state.options = candidates(keys, wanted, word).slice(0, MAX_SHOWN);
    list.replaceChildren(...state.options.map((option, at) => {
      const item = make("li", { role: "option", id: `filter-option-${at}`, "aria-selected": "false" }, option.text, make("span", { class: "count" }, option.note ?? ""));
      item.addEventListener("pointerdown", (event) => {
        event.preventDefault();
        accept(at);
      });
      return item;
    }));
    list.hidden = !state.options.length || document.activeElement !== input;
    input.setAttribute("aria-expanded", String(!list.hidden));
    state.chosen = -1;
  };
  const check = debounce(async () => showProblem(input), 250);
  input.addEventListener("focus", complete);
  input.addEventListener("input", () => {
    complete();
    check();
  });
  input.addEventListener("blur", close);
  input.addEventListener("keydown", (event) => {
    const open = !list.hidden;
    if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      if (!open) return;
      event.preventDefault();
      choose((state.chosen + (event.key === "ArrowDown" ? 1 : -1) + state.options.length) % state.options.length);
    } else if ((event.key === "Tab" || event.key === "Enter") && open && state.chosen >= 0) {
      event.preventDefault();
      accept(state.chosen);
    } else if (event.key === "Tab" && open && wordAt(input.value, input.selectionStart).word) {
      event.preventDefault();
      accept(0);
    } else if (event.key === "Escape") {
      if (open) close();
      else input.blur();
    }
  });
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    close();
    go(viewWith({ filter: input.value.trim() }));
  });
}

export function candidates(keys, wanted, word) {
  if (wanted === "status") return keys.statuses.map((status) => ({ text: status, insert: `"${status}" ` })).filter(({ text }) => text.startsWith(word.replace(/^"/, "")));
  if (wanted === "operator") return OPERATORS.map((text) => ({ text, insert: `${text}${/\w$|[=<>]$/.test(text) ? " " : ""}` })).filter(({ text }) => text.startsWith(word));
  if (wanted === "joint") return JOINTS.filter((text) => text.startsWith(word)).map((text) => ({ text, insert: text }));
  if (wanted === "value") return [];
  const lower = word.toLowerCase().replace(/["`]/g, "");
  const short = lower.replace(/^(m|p|t)\./, (start) => ({ "m.": "metrics.", "p.": "params.", "t.": "tags." })[start]);
  const fits = keys.fields.map((field) => ({ field, place: field.field.toLowerCase().replace(/["`]/g, "").indexOf(short) })).filter(({ place }) => place >= 0);
  fits.sort((a, b) => (a.place > 0) - (b.place > 0) || (b.field.runs ?? 1e9) - (a.field.runs ?? 1e9) || a.field.field.localeCompare(b.field.field));
  return fits.map(({ field }) => ({ text: field.field, insert: `${field.field} `, note: field.runs === null ? "" : `${field.runs} runs` }));
}

async function showProblem(input) {
  const place = find("#filter-problem");
  const response = await fetch(`/api/filter?filter=${encodeURIComponent(input.value)}`);
  if (!response.ok) return;
  const { error, column } = await response.json();
  const unfinished = error && column >= input.value.trimEnd().length;
  input[error && !unfinished ? "setAttribute" : "removeAttribute"]("aria-invalid", "true");
  place.replaceChildren(...(error && !unfinished ? [make("span", { class: "caret" }, `${input.value}\n${" ".repeat(column)}^`), error] : []));
}
