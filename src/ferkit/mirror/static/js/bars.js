// The probabilities of a face in this frame, as bars.
import { onPage } from "./colours.js";

export class Bars {
  #place; #rows = []; #colours = [];

  constructor(place) { this.#place = place; }

  build(labels, colours) {
    this.#colours = colours;
    this.#rows = labels.map((label) => {
      const [name, track, fill, value] = ["span", "div", "div", "span"].map((tag) => document.createElement(tag));
      name.textContent = label;
      track.className = "track";
      fill.className = "fill";
      value.className = "value";
      track.append(fill);
      return { name, track, fill, value };
    });
    this.#place.replaceChildren(...this.#rows.flatMap(({ name, track, value }) => [name, track, value]));
    this.recolour();
    this.show(null);
  }

  recolour() { this.#rows.forEach((row, k) => { row.fill.style.background = onPage(this.#colours[k]); }); }

  show(probabilities) {
    const top = probabilities ? probabilities.indexOf(Math.max(...probabilities)) : -1;
    this.#rows.forEach((row, k) => {
      const p = probabilities?.[k];
      row.fill.style.transform = `scaleX(${p ?? 0})`;
      row.value.textContent = p === undefined ? "–" : `${Math.round(100 * p)}%`;
      row.name.className = k === top ? "top" : "";
    });
  }
}
