// What each face looked like over the last seconds; older values and long gone faces are forgotten.
const SECONDS = 30;
const GAP = 0.5; // seconds unseen after which no line is drawn

export class History {
  #tracks = new Map();

  add(time, faces) {
    for (const { track, smooth } of faces) {
      if (!this.#tracks.has(track)) this.#tracks.set(track, []);
      const rows = this.#tracks.get(track);
      const last = rows.at(-1);
      if (last && time - last.time > GAP) rows.push({ time: last.time + 1e-3, smooth: smooth.map(() => null) });
      rows.push({ time, smooth });
    }
    for (const [track, rows] of this.#tracks) {
      let gone = 0;
      while (gone < rows.length && time - rows[gone].time > SECONDS) gone += 1;
      if (gone > 64 || gone === rows.length) rows.splice(0, gone);
      if (!rows.length) this.#tracks.delete(track);
    }
  }

  // Columns for a chart: times, then one of each emotion.
  columns(track, classes) {
    const rows = this.#tracks.get(track) ?? [];
    const columns = [rows.map((row) => row.time)];
    for (let k = 0; k < classes; k += 1) columns.push(rows.map((row) => row.smooth[k]));
    return columns;
  }

  clear() { this.#tracks.clear(); }
}

export { SECONDS };
