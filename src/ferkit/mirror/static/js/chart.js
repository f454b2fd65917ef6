// A timeline by uPlot.
import { onPage } from "./colours.js";
import { SECONDS } from "./history.js";

const HEIGHT = 210;
const DASHES = [[], [8, 3], [2, 3], [8, 3, 2, 3]]; // for eyes that see few colours

export class Chart {
  #place; #plot = null; #labels = []; #colours = [];

  constructor(place) {
    this.#place = place;
    new ResizeObserver(() => this.#plot?.setSize({ width: this.#width, height: HEIGHT })).observe(place);
  }

  get #width() { return Math.max(200, this.#place.clientWidth); }

  build(labels, colours) {
    this.#labels = labels;
    this.#colours = colours;
    this.#plot?.destroy();
    const ink = getComputedStyle(document.documentElement).getPropertyValue("--faint").trim();
    const line = getComputedStyle(document.documentElement).getPropertyValue("--line").trim();
    const axis = { stroke: ink, grid: { stroke: line, width: 1 }, ticks: { stroke: line }, font: "12px system-ui" };
    this.#plot = new uPlot({
      width: this.#width,
      height: HEIGHT,
      legend: { live: false },
      cursor: { drag: { x: false, y: false } },
      scales: { x: { time: false, range: (_, low, high) => [Math.max(low ?? 0, (high ?? 0) - SECONDS), Math.max(high ?? 1, (low ?? 0) + 1)] }, y: { range: [0, 1] } },
      axes: [{ ...axis, values: (_, ticks) => ticks.map((v) => `${v} s`) }, { ...axis, size: 52, values: (_, ticks) => ticks.map((v) => `${Math.round(100 * v)}%`) }],
      series: [{}, ...labels.map((label, k) => ({ label, stroke: onPage(colours[k]), width: 2, dash: DASHES[k % DASHES.length], points: { show: false } }))],
    }, [[], ...labels.map(() => [])], this.#place);
  }

  rebuild() { if (this.#plot) this.build(this.#labels, this.#colours); }
  show(columns) { this.#plot?.setData(columns); }
  get length() { return this.#plot?.data[0].length ?? 0; }
}
