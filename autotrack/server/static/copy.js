// Code on a page goes to the clipboard with its button; where the browser keeps that from us, it is selected instead.
import { find } from "./dom.js";

export function startCopy() {
  document.addEventListener("click", async (event) => {
    const button = event.target.closest("[data-do=copy]");
    if (!button) return;
    const code = find("pre", button.parentNode);
    try {
      await navigator.clipboard.writeText(code.textContent);
      button.textContent = "Copied";
    } catch {
      getSelection().selectAllChildren(code);
      button.textContent = "Selected";
    }
    setTimeout(() => (button.textContent = "Copy"), 2000);
  });
}
