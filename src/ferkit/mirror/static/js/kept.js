// Recordings and results: where they lie, what is in them, keep and delete.
const PICTURE = /\.(png|jpe?g)$/;
const VIDEO = /\.(mp4|webm)$/;
const SHOWN = /^(annotated\.mp4|video\.webm|video\.mp4|annotated\.png|timeline\.png|weakest_sections\.png)$/;
const WORDS = { recording: "Recording", upload: "Upload", script: "Report of the script" };

export class KeptList {
  #list = document.getElementById("kept");
  #none = document.getElementById("kept-none");
  #items = new Map();

  constructor(complain) { this.complain = complain; }

  // Show a folder, or show it again after a change.
  show(kept) {
    const item = this.#items.get(kept.key) ?? document.createElement("li");
    if (!this.#items.has(kept.key)) this.#list.prepend(item);
    this.#items.set(kept.key, item);
    this.#none.hidden = true;
    item.dataset.state = kept.state ?? "done";
    item.replaceChildren(...this.#parts(kept));
  }

  #parts(kept) {
    const title = document.createElement("p");
    const strong = document.createElement("strong");
    strong.textContent = WORDS[kept.what] ?? kept.what;
    const where = kept.kept ? ` lies in ${kept.folder}` : " is not kept: it goes when the mirror ends.";
    title.append(strong, kept.state === "failed" ? "" : where);
    const parts = [title];
    if (kept.sentence) parts.push(words(kept.sentence));
    if (kept.state === "waiting" || kept.state === "running") parts.push(progress(kept));
    const busy = kept.state === "waiting" || kept.state === "running" || kept.state === "on";
    if (!busy && kept.state !== "failed") parts.push(...this.#files(kept));
    parts.push(this.#buttons(kept, busy));
    return parts;
  }

  #files(kept) {
    const links = document.createElement("p");
    links.className = "files";
    for (const name of kept.files ?? []) {
      const link = document.createElement("a");
      Object.assign(link, { href: `/kept/${kept.key}/${name}`, textContent: name, target: "_blank", rel: "noopener" });
      links.append(link);
    }
    const shown = (kept.files ?? []).filter((name) => SHOWN.test(name)).map((name) => media(kept.key, name));
    return [links, ...shown];
  }

  #buttons(kept, busy) {
    const row = document.createElement("p");
    row.className = "tools";
    if (!kept.kept && !busy && kept.state !== "failed") row.append(button("Keep", () => this.#keep(kept)));
    row.append(button(busy ? "Stop and delete" : "Delete", () => this.#delete(kept)));
    return row;
  }

  async #keep(kept) {
    const found = await ask(`/kept/${kept.key}`, { method: "POST" }, this.complain);
    if (found) this.show({ ...kept, ...found });
  }

  async #delete(kept) {
    await this.beforeDelete?.(kept);
    const found = await ask(`/kept/${kept.key}`, { method: "DELETE" }, this.complain);
    if (found) this.forget(kept.key);
  }

  forget(key) {
    this.#items.get(key)?.remove();
    this.#items.delete(key);
    this.#none.hidden = this.#items.size > 0;
  }

  has(key) { return this.#items.has(key); }
}

function words(text) {
  return Object.assign(document.createElement("p"), { textContent: text, className: "small" });
}

function progress(kept) {
  const bar = document.createElement("progress");
  if (kept.total) Object.assign(bar, { max: kept.total, value: kept.done });
  return bar;
}

function button(text, press) {
  const made = Object.assign(document.createElement("button"), { type: "button", textContent: text });
  made.addEventListener("click", press);
  return made;
}

function media(key, name) {
  const src = `/kept/${key}/${name}`;
  if (VIDEO.test(name)) return Object.assign(document.createElement("video"), { src, controls: true, playsInline: true });
  if (PICTURE.test(name)) return Object.assign(document.createElement("img"), { src, alt: name });
  return "";
}

// A request to the program; its sentence is shown where it refuses.
export async function ask(path, options, complain) {
  try {
    const response = await fetch(path, options);
    const found = await response.json().catch(() => ({}));
    if (response.ok) return found;
    complain(found.sentence ?? `The mirror refused (${response.status}).`);
  } catch (error) {
    complain(`The mirror cannot be reached (${error.message}); look into its terminal.`);
  }
  return null;
}
