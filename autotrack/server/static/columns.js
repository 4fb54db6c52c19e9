// Choose columns and what to group by, among hundreds of params and metrics.
import { find, make } from "./dom.js";
import { allKeys } from "./filter.js";
import { go, viewWith } from "./page.js";

const MAX_SHOWN = 300;

// Fields separated by commas; a comma within quotes is part of a key.
export const parts = (text) => (text.match(/(?:"(?:[^"\\]|\\.)*"|`[^`]*`|[^,"`])+/g) ?? []).map((part) => part.trim()).filter(Boolean);

async function choose({ title, chosen, usual, apply }) {
  const dialog = find("#columns");
  const search = find("input[type=search]", dialog);
  const list = find(".choices", dialog);
  const { fields, left_out: leftOut } = await allKeys();
  const kinds = new Map(fields.map((field) => [field.field, field]));
  let picked = [...chosen];
  find("h2", dialog).textContent = title;
  find("[data-do=usual]", dialog).textContent = usual;
  search.value = "";
  const toggle = (field) => {
    picked = picked.includes(field) ? picked.filter((one) => one !== field) : [...picked, field];
    draw();
  };
  const shift = (field, by) => {
    const at = picked.indexOf(field);
    const to = Math.min(Math.max(at + by, 0), picked.length - 1);
    picked.splice(to, 0, ...picked.splice(at, 1));
    draw();
  };
  const item = (field, on) => {
    const box = make("input", { type: "checkbox", checked: on, onchange: () => toggle(field) });
    const known = kinds.get(field);
    const label = make("label", {}, box, make("span", {}, field), make("span", { class: "kind" }, known?.runs ? `${known.runs} runs` : ""));
    const arrow = (text, by, name) => make("button", { type: "button", class: "quiet", "aria-label": `Move ${field} ${name}`, onclick: () => shift(field, by) }, text);
    return make("li", {}, label, ...(on ? [arrow("↑", -1, "up"), arrow("↓", 1, "down")] : []));
  };
  const draw = () => {
    const wanted = search.value.toLowerCase();
    const fits = fields.map((field) => field.field).filter((field) => !picked.includes(field) && field.toLowerCase().includes(wanted));
    list.replaceChildren(...picked.filter((field) => field.toLowerCase().includes(wanted)).map((field) => item(field, true)), ...fits.slice(0, MAX_SHOWN).map((field) => item(field, false)));
    find("[data-note]", dialog).textContent = [`${picked.length} chosen`, fits.length > MAX_SHOWN ? `${fits.length - MAX_SHOWN} more match` : "", leftOut ? `${leftOut} keys are not listed` : ""].filter(Boolean).join(" · ");
  };
  search.oninput = draw;
  find("[data-do=usual]", dialog).onclick = () => dialog.close("usual");
  dialog.onclose = () => {
    if (dialog.returnValue === "usual") apply([]);
    if (dialog.returnValue === "ok") apply(picked);
  };
  dialog.returnValue = "";
  draw();
  dialog.showModal();
  search.focus();
}

export function chooseColumns() {
  const content = find("#content");
  return choose({ title: "Columns", usual: "Usual columns", chosen: parts(content.dataset.fields), apply: (picked) => go(viewWith({ columns: picked.join(",") })) });
}

export function chooseGroups() {
  const content = find("#content");
  return choose({ title: "Group by", usual: "No groups", chosen: parts(content.dataset.group), apply: (picked) => go(viewWith({ group: picked.join(",") })) });
}

