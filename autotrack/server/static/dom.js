// Make and find elements. Text is always text: nothing here or elsewhere parses HTML from data.

export function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name in element && typeof value !== "string") element[name] = value;
    else if (value !== null && value !== undefined) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

export const find = (selector, within = document) => within.querySelector(selector);
export const findAll = (selector, within = document) => [...within.querySelectorAll(selector)];

export function readData(id) {
  const block = document.getElementById(id);
  return block ? JSON.parse(block.textContent) : null;
}

export function color(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

export const COLORS = 8;
export const seriesColor = (number) => color(`--c${number % COLORS}`);

export function paintSwatches(within = document) {
  for (const swatch of findAll(".swatch[data-color]", within)) swatch.style.background = seriesColor(Number(swatch.dataset.color));
}

// Numbers come as JSON numbers or as "NaN", "Infinity" and "-Infinity", which JSON has not; Number() reads them all.
export function format(value) {
  const number = Number(value);
  if (value === null || value === undefined) return "";
  if (!Number.isFinite(number)) return String(value);
  if (Number.isInteger(number) && Math.abs(number) < 1e15) return number.toLocaleString("en-US");
  const size = Math.abs(number);
  return size < 1e-4 || size >= 1e7 ? number.toExponential(3) : String(Number(number.toPrecision(5)));
}

export const percent = (share) => `${(share * 100).toFixed(share > 0.9995 || share < 0.00005 ? 0 : 1)}%`;

export function debounce(action, milliseconds) {
  let timer = 0;
  return (...values) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...values), milliseconds);
  };
}

// Who has no mouse scrolls what is larger than its box by focusing it.
export function startScrollers(within = document) {
  const sized = new ResizeObserver((entries) => {
    for (const { target: box } of entries) {
      if (box.scrollHeight > box.clientHeight || box.scrollWidth > box.clientWidth) box.setAttribute("tabindex", "0");
      else box.removeAttribute("tabindex");
    }
  });
  for (const box of findAll(".scroll:not(.table-box)", within)) sized.observe(box);
}
