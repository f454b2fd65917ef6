// Keys of the page; while a script runs they are the script's, Escape ends it.
const TYPED = "input:not([type=checkbox]), select, textarea";

export function listenToKeys(actions) {
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || document.querySelector("dialog[open]")) return;
    if (event.target.closest?.(TYPED)) return;
    if (actions.script.on) {
      if (event.key === "Escape") actions.script.stop();
      else if (event.key === "Tab" || event.repeat) return;
      else actions.script.key(event);
      event.preventDefault();
      return;
    }
    if (/^[1-9]$/.test(event.key)) { actions.number(Number(event.key)); return; }
    const action = actions[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (typeof action === "function" && !event.repeat) { event.preventDefault(); action(); }
  });
}
