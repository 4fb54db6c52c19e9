// What people change: names, tags, descriptions, the trash. Each change says what it did, and how to undo it.
import { find, make } from "./dom.js";

export async function send(address, body) {
  const response = await fetch(address, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
  if (!response.ok) {
    const { error } = await response.json().catch(() => ({ error: "the server does not answer" }));
    toast(`Not done: ${error}`);
    throw new Error(error);
  }
  return response.json();
}

export function toast(text, undo) {
  const note = make("div", { class: "toast" }, text);
  const close = setTimeout(() => note.remove(), 8000);
  if (undo) note.append(make("button", { type: "button", onclick: () => {
    clearTimeout(close);
    note.remove();
    undo();
  } }, "Undo"));
  find("#toasts").replaceChildren(note);
}

// Ask for some texts in a dialog; null where it is closed. fields: [{ name, label, value, long, options }].
export function ask(title, fields, verb = "Save") {
  const dialog = find("#ask");
  find("h2", dialog).textContent = title;
  find("button.primary", dialog).textContent = verb;
  const inputs = fields.map(({ name, label, value = "", long, options }) => {
    const list = options ? make("datalist", { id: `list-${name}` }, ...options.map((option) => make("option", { value: option }))) : null;
    const input = make(long ? "textarea" : "input", { name, id: `ask-${name}`, autocomplete: "off", ...(list ? { list: list.id } : {}) });
    input.value = value;
    return [make("label", { for: input.id }, label), input, list];
  });
  find("[data-fields]", dialog).replaceChildren(...inputs.flat().filter(Boolean));
  dialog.returnValue = "";
  dialog.showModal();
  inputs[0]?.[1].select();
  return new Promise((resolve) => dialog.addEventListener("close", () => {
    resolve(dialog.returnValue === "ok" ? Object.fromEntries(inputs.map(([, input]) => [input.name, input.value])) : null);
  }, { once: true }));
}

const several = (runs) => (runs.length === 1 ? "1 run" : `${runs.length} runs`);

export async function rename(runs, old, done) {
  const answer = await ask(`Rename ${several(runs)}`, [{ name: "name", label: "Name", value: old }], "Rename");
  if (!answer || !answer.name.trim()) return;
  await send("/api/runs", { action: "rename", runs, name: answer.name });
  toast(`Renamed ${several(runs)}`, runs.length === 1 ? async () => {
    await send("/api/runs", { action: "rename", runs, name: old });
    done();
  } : undefined);
  done();
}

export async function tag(runs, done) {
  const answer = await ask(`Tag ${several(runs)}`, [{ name: "key", label: "Tag" }, { name: "value", label: "Value; empty takes the tag away" }], "Tag");
  if (!answer || !answer.key.trim()) return;
  await send("/api/runs", { action: "tag", runs, tags: { [answer.key.trim()]: answer.value || null } });
  toast(`Tagged ${several(runs)}`);
  done();
}

export async function move(action, runs, done) {
  const { runs: moved } = await send("/api/runs", { action, runs });
  const opposite = action === "delete" ? "restore" : "delete";
  toast(action === "delete" ? `Moved ${several(moved)} to the trash` : `Restored ${several(moved)}`, async () => {
    await send("/api/runs", { action: opposite, runs });
    done();
  });
  done();
}
