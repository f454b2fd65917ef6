// A recording: the video piece by piece to the program, which writes the table beside it.
import { ask } from "./kept.js";

const KINDS = [["video/webm;codecs=vp8", "video.webm"], ["video/webm", "video.webm"], ["video/mp4", "video.mp4"]];
const PIECE = 1000; // milliseconds
const PATIENCE = 5000;

export class Recorder {
  #link; #kept; #complain; #button; #recorder = null; #sending = Promise.resolve(); #size = 0; #key = null; #ended = null;

  constructor(link, kept, complain, button) {
    this.#link = link;
    this.#kept = kept;
    this.#complain = complain;
    this.#button = button;
    this.stream = null;
    link.on("recording", (message) => this.#told(message));
    link.on("lost", () => this.stop());
  }

  get on() { return this.#key !== null; }

  toggle() { if (this.on) this.stop(); else if (this.stream) this.#link.send({ kind: "record" }); }

  #told(message) {
    if (message.state === "on") { this.#begin(message); return; }
    this.#kept.show({ ...message, state: "done" });
    this.#ended?.();
  }

  #begin(message) {
    const kind = KINDS.find(([mime]) => window.MediaRecorder?.isTypeSupported(mime));
    this.#key = message.key;
    this.#size = 0;
    this.#kept.show(message);
    this.#mark();
    if (!kind) {
      this.#complain("This browser cannot record video; the table of the faces is recorded alone.");
      return;
    }
    const recorder = (this.#recorder = new MediaRecorder(this.stream, { mimeType: kind[0] }));
    const path = `/kept/${message.key}/${kind[1]}`;
    recorder.ondataavailable = (event) => { if (event.data.size) this.#piece(path, event.data); };
    recorder.onstop = () => this.#finish(path);
    recorder.start(PIECE);
  }

  #piece(path, data) {
    this.#sending = this.#sending.then(async () => {
      const found = await ask(`${path}?at=${this.#size}`, { method: "PUT", body: data }, this.#complain);
      if (found) this.#size = found.size;
    });
  }

  #finish(path) {
    this.#piece(path, new Blob([]));
    this.#sending = this.#sending.then(() => this.#link.send({ kind: "record-stop" }));
  }

  stop() {
    if (!this.on) return;
    this.#key = null;
    this.#mark();
    if (this.#recorder && this.#recorder.state !== "inactive") this.#recorder.stop();
    else this.#link.send({ kind: "record-stop" });
    this.#recorder = null;
  }

  // Before it is deleted: one that runs is ended first.
  drop(key) {
    if (key !== this.#key) return this.#sending;
    const over = new Promise((done) => { this.#ended = done; setTimeout(done, PATIENCE); });
    this.stop();
    return over;
  }

  #mark() {
    this.#button.setAttribute("aria-pressed", String(this.on));
    this.#button.textContent = this.on ? "Stop recording" : "Record";
  }
}
