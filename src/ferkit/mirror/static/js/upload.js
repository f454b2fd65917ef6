// Files that are processed as `ferkit predict` does, and looked after until they are done.
import { ask } from "./kept.js";

const ASKED = 700; // milliseconds

export async function upload(file, model, kept, complain) {
  const path = `/uploads?name=${encodeURIComponent(file.name)}&model=${encodeURIComponent(model)}`;
  let found = await ask(path, { method: "POST", body: file }, complain);
  while (found) {
    kept.show(found);
    if (found.state === "done" || found.state === "failed") return;
    await new Promise((done) => setTimeout(done, ASKED));
    if (!kept.has(found.key)) return; // deleted meanwhile
    found = await ask(`/uploads/${found.key}`, {}, complain);
  }
}
