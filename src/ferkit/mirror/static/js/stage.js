// Boxes over the video, in the video's own place, and which face a click meets.
import { UNSURE } from "./colours.js";

export class Stage {
  #canvas; #place; #shown = { faces: [], size: [4, 3] };

  constructor(place, canvas) {
    this.#place = place;
    this.#canvas = canvas;
    this.flipped = true;
    this.chosen = null;
    this.labels = [];
    this.colours = [];
    this.person = null;
  }

  // Where the picture lies inside the stage, whose shape may differ.
  #fit() {
    const [width, height] = this.#shown.size;
    const { clientWidth: w, clientHeight: h } = this.#place;
    const scale = Math.min(w / width, h / height);
    return { scale, left: (w - width * scale) / 2, top: (h - height * scale) / 2, width: w };
  }

  #rect(box) {
    const { scale, left, top, width } = this.#fit();
    const [x1, y1, x2, y2] = box;
    const x = left + x1 * scale;
    const wide = (x2 - x1) * scale;
    return { x: this.flipped ? width - x - wide : x, y: top + y1 * scale, width: wide, height: (y2 - y1) * scale };
  }

  show(faces, size, person) {
    this.#shown = { faces, size };
    this.person = person;
    this.draw();
  }

  clear() { this.show([], this.#shown.size, null); }

  draw() {
    const canvas = this.#canvas;
    const dense = window.devicePixelRatio || 1;
    const { clientWidth, clientHeight } = this.#place;
    const width = Math.round(clientWidth * dense);
    const height = Math.round(clientHeight * dense);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    const pen = canvas.getContext("2d");
    pen.setTransform(dense, 0, 0, dense, 0, 0);
    pen.clearRect(0, 0, clientWidth, clientHeight);
    pen.font = "600 14px system-ui, sans-serif";
    for (const face of this.#shown.faces) this.#face(pen, face);
  }

  #face(pen, face) {
    const { x, y, width, height } = this.#rect(face.box);
    const sure = face.state >= 0;
    const colour = sure ? this.colours[face.state] : UNSURE;
    const word = sure ? `${this.labels[face.state]} ${Math.round(100 * face.smooth[face.state])}%` : "unsure";
    const name = face.track === this.person ? "person 0" : `face ${face.track}`;
    pen.lineWidth = face.track === this.chosen ? 5 : 3;
    pen.strokeStyle = "#fff";
    pen.strokeRect(x - 1.5, y - 1.5, width + 3, height + 3);
    pen.strokeStyle = colour;
    pen.strokeRect(x, y, width, height);
    const text = width > 90 ? `${name}: ${word}` : word;
    const long = pen.measureText(text).width + 10;
    const top = Math.max(0, y - 24);
    const left = Math.max(0, Math.min(x, this.#place.clientWidth - long));
    pen.fillStyle = colour;
    pen.fillRect(left, top, long, 22);
    pen.fillStyle = "#fff";
    pen.fillText(text, left + 5, top + 16);
  }

  // The smallest face at a place of the page.
  at(clientX, clientY) {
    const place = this.#place.getBoundingClientRect();
    const [x, y] = [clientX - place.left, clientY - place.top];
    const met = this.#shown.faces.filter((face) => {
      const box = this.#rect(face.box);
      return x >= box.x && x <= box.x + box.width && y >= box.y && y <= box.y + box.height;
    });
    met.sort((a, b) => a.box[2] - a.box[0] - (b.box[2] - b.box[0]));
    return met[0]?.track ?? null;
  }

  get boxes() { return this.#shown.faces.map((face) => ({ track: face.track, ...this.#rect(face.box) })); }
  get tracks() { return this.#shown.faces.map((face) => face.track); }
}
