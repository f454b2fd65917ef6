// Frames/s, delay from capture to the drawn box, dropped frames.
const SPAN = 2000; // milliseconds
const KEPT = 60; // delays

export class Numbers {
  #times = []; #delays = []; #analysis = 0; #faces = 0;

  answered(message) {
    const now = performance.now();
    this.#times.push(now);
    while (this.#times[0] < now - SPAN) this.#times.shift();
    this.#analysis = message.ms.all;
    this.#faces = message.faces.length;
  }

  // After the boxes of a frame were drawn.
  drawn(captured) {
    this.#delays.push(performance.now() - captured);
    if (this.#delays.length > KEPT) this.#delays.shift();
  }

  get rate() {
    if (this.#times.length < 2) return 0;
    return (1000 * (this.#times.length - 1)) / (this.#times.at(-1) - this.#times[0]);
  }

  get delay() {
    const sorted = [...this.#delays].sort((a, b) => a - b);
    return sorted[Math.floor(sorted.length / 2)];
  }

  clear() { this.#times = []; this.#delays = []; }

  show({ seen, sent }) {
    const write = (id, text) => { document.getElementById(id).textContent = text; };
    const lost = Math.max(0, seen - sent);
    write("rate", this.rate.toFixed(1));
    write("delay", this.delay === undefined ? "–" : `${Math.round(this.delay)} ms`);
    write("analysis", `${Math.round(this.#analysis)} ms`);
    write("dropped", seen ? `${lost} (${Math.round((100 * lost) / seen)}%)` : "–");
    write("count", String(this.#faces));
  }
}
