// The acting script: its sections, the prompt over the video, keys and the tone.
const LARGEST = 200000; // letters

export class ScriptPart {
  #link; #kept; #complain; #labelOf; #on = false; #tone = null; #parts; #last = null;

  constructor(link, kept, complain, labelOf) {
    this.#link = link;
    this.#kept = kept;
    this.#complain = complain;
    this.#labelOf = labelOf;
    const names = ["open", "file", "start", "stop", "next", "title"];
    this.#parts = Object.fromEntries(names.map((name) => [name, document.getElementById(`script-${name}`)]));
    this.prompt = document.getElementById("prompt");
    this.camera = false;
    const { open, file, start, stop, next } = this.#parts;
    open.onclick = () => file.click();
    file.onchange = () => this.#read(file);
    start.onclick = () => this.start();
    stop.onclick = () => this.stop();
    next.onclick = () => link.send({ kind: "next" });
    link.on("script", (message) => this.#show(message));
    link.on("script-state", (message) => this.#switched(message));
    link.on("script-report", (message) => this.#kept.show(message));
    link.on("lost", () => this.#off());
  }

  get on() { return this.#on; }

  async #read(input) {
    const [file] = input.files;
    input.value = "";
    if (!file) return;
    if (file.size > LARGEST) { this.#complain("This file is too large for a script; choose a yaml or csv file of sections."); return; }
    this.#link.send({ kind: "script", name: file.name, text: await file.text() });
  }

  #show(message) {
    this.#parts.title.textContent = `${message.title}: ${message.sections.length} sections.`;
    document.getElementById("sections").replaceChildren(...message.sections.map((section) => {
      const until = section.cue ? `until ${section.cue}` : section.seconds ? `${section.seconds} s` : "";
      return Object.assign(document.createElement("li"), { textContent: `${section.text || "(no text)"} – ${this.#wanted(section)}, ${until}` });
    }));
    this.ready = true;
    this.refresh();
  }

  #wanted(section) {
    const pairs = Object.entries(section.wanted);
    if (!pairs.length) return "any emotion";
    if (pairs.length === 1) return this.#labelOf(pairs[0][0]);
    return pairs.map(([emotion, part]) => `${Math.round(100 * part)}% ${this.#labelOf(emotion)}`).join(" + ");
  }

  refresh() {
    this.#parts.start.disabled = !(this.ready && this.camera) || this.#on;
    this.#parts.stop.disabled = !this.#on;
    this.#parts.open.disabled = this.#on;
  }

  start() {
    if (this.#parts.start.disabled) return;
    document.activeElement?.blur(); // keys are the script's now
    const calibrate = Number(document.getElementById("calibrate").value) || 0;
    this.#link.send({ kind: "script-start", calibrate });
  }

  stop() { if (this.#on) this.#link.send({ kind: "script-stop" }); }

  #switched(message) {
    this.#on = message.state === "on";
    this.#last = null;
    if (!this.#on) this.#off();
    this.refresh();
  }

  #off() {
    this.#on = false;
    this.prompt.hidden = true;
    this.#parts.next.hidden = true;
    this.#sound(false);
    this.refresh();
  }

  key(event) { this.#link.send({ kind: "key", key: event.key }); }

  // The state of the script after a frame.
  state(state) {
    if (!state) return;
    if (state.phase === "over") { this.#off(); this.#mark(null); return; }
    const { prompt } = this;
    prompt.hidden = false;
    prompt.className = `prompt ${state.word.replaceAll(" ", "-")}`;
    this.#parts.next.hidden = !state.cue;
    this.#mark(state.section);
    const lines = [["p", "", state.phase === "calibrating" ? "Hold a resting face" : state.text]];
    const wanted = state.phase === "section" ? this.#wanted(state) : "";
    const score = state.score === null ? "" : ` ${Math.round(100 * state.score)}%`;
    const left = state.cue ? `press ${state.cue}` : state.left === null ? "" : `${state.left.toFixed(1)} s`;
    const row = document.createElement("div");
    row.className = "state";
    row.append(...[wanted, `${state.word}${score}`, left].map((text) => Object.assign(document.createElement("span"), { textContent: text })));
    prompt.replaceChildren(...lines.map(([tag, , text]) => Object.assign(document.createElement(tag), { textContent: text })), row);
    this.#sound(state.match === true && document.getElementById("tone").checked);
  }

  #mark(section) {
    if (section === this.#last) return;
    this.#last = section;
    [...document.getElementById("sections").children].forEach((item, at) => {
      if (at + 1 === section) item.setAttribute("aria-current", "step");
      else item.removeAttribute("aria-current");
    });
  }

  #sound(on) {
    if (on && !this.#tone) {
      const context = new AudioContext();
      const source = new OscillatorNode(context, { frequency: 660 });
      const volume = new GainNode(context, { gain: 0.04 });
      source.connect(volume).connect(context.destination);
      source.start();
      this.#tone = { context, source };
    } else if (!on && this.#tone) {
      this.#tone.source.stop();
      this.#tone.context.close();
      this.#tone = null;
    }
  }
}
