// A model of the registry: describe, tag, rename, delete, aliases, stages; and from a run's page, register.
import { find } from "./dom.js";
import { ask, send, toast } from "./edit.js";

const change = (edit) => send("/api/models", edit);
const address = (model) => `/models/${encodeURIComponent(model)}`;

export function startModel(again) {
  const page = find("[data-model].run-page");
  if (!page) return;
  const { model, version } = page.dataset;
  const owner = version ? { model, version: Number(version) } : { model };
  const called = version ? `version ${version} of ${model}` : model;
  const actions = {
    describe: () => describe(owner, called, again),
    tag: () => tag(owner, called, again),
    rename: () => rename(model),
    delete: () => remove(owner, called),
    alias: () => alias(owner, again),
    unalias: (button) => unalias(owner, button.dataset.alias, again),
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-do]");
    if (button && actions[button.dataset.do]) actions[button.dataset.do](button);
  });
  find("[data-move]")?.addEventListener("submit", (event) => {
    event.preventDefault();
    const form = event.target.elements;
    move(owner, form.stage.value, form.archive.checked, again);
  });
}

async function describe(owner, called, again) {
  const answer = await ask(`About ${called}`, [{ name: "text", label: "In Markdown", value: find("[data-source]").value, long: true }]);
  if (!answer) return;
  await change({ action: "describe", ...owner, text: answer.text });
  again();
}

async function tag(owner, called, again) {
  const answer = await ask(`Tag ${called}`, [{ name: "key", label: "Tag" }, { name: "value", label: "Value; empty takes the tag away" }], "Tag");
  if (!answer || !answer.key.trim()) return;
  await change({ action: "tag", ...owner, key: answer.key.trim(), text: answer.value || null });
  again();
}

async function rename(model) {
  const answer = await ask("Rename the model", [{ name: "name", label: "Name", value: model }], "Rename");
  if (!answer || !answer.name.trim() || answer.name.trim() === model) return;
  const done = await change({ action: "rename", model, text: answer.name.trim() });
  location.assign(address(done.model));
}

async function remove(owner, called) {
  const answer = await ask(`Delete ${called}?`, [{ name: "name", label: "This cannot be undone; runs and files stay. Write the name of the model to go on." }], "Delete");
  if (!answer) return;
  if (answer.name.trim() !== owner.model) {
    toast("Not done: that is not the name of the model");
    return;
  }
  await change({ action: "delete", ...owner });
  location.assign(owner.version ? address(owner.model) : "/models");
}

async function alias(owner, again) {
  const answer = await ask("Add an alias", [{ name: "key", label: "Alias; it will stand for no other version", options: ["champion", "challenger"] }], "Add");
  if (!answer || !answer.key.trim()) return;
  await change({ action: "alias", ...owner, key: answer.key.trim() });
  again();
}

async function unalias({ model, version }, key, again) {
  await change({ action: "alias", model, key });
  toast(`${key} stands for no version any more`, async () => {
    await change({ action: "alias", model, key, version });
    again();
  });
  again();
}

async function move(owner, stage, archive, again) {
  const active = stage === "Staging" || stage === "Production";
  await change({ action: "stage", ...owner, text: stage, archive: archive && active });
  toast(`Moved to ${stage}`);
  again();
}

// Make a model of a run the next version of a name.
export async function register(run, { name, title, logged }) {
  const answer = await ask(`Register ${title}`, [{ name: "model", label: "As the next version of" }], "Register");
  if (!answer || !answer.model.trim()) return;
  const done = await change({ action: "register", model: answer.model.trim(), ...(logged === undefined ? { run } : {}), text: name });
  location.assign(`${address(done.model)}/${done.version}`);
}
