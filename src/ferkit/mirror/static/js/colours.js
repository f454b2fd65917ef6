// Colours of the emotions, lighter on a dark page.
export function isDark() {
  const chosen = document.documentElement.dataset.theme;
  if (chosen) return chosen === "dark";
  return matchMedia("(prefers-color-scheme: dark)").matches;
}

export function onPage(colour) {
  return isDark() ? mixed(colour, 0.5) : colour;
}

export function mixed(colour, part) {
  const parts = [1, 3, 5].map((at) => parseInt(colour.slice(at, at + 2), 16));
  return `rgb(${parts.map((v) => Math.round(v + (255 - v) * part)).join(" ")})`;
}

export const UNSURE = "#4a505c";
