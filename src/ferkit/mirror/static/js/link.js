// The socket to the program: frames go out one at a time, JSON comes back.
const HEADER = 12;

export class Link extends EventTarget {
  #socket = null;
  #wait = 500;

  connect() {
    const socket = new WebSocket(`ws://${location.host}/ws`);
    socket.binaryType = "arraybuffer";
    socket.onopen = () => { this.#wait = 500; this.#tell("open", {}); };
    socket.onmessage = (event) => {
      const message = JSON.parse(event.data);
      this.#tell(message.kind, message);
    };
    socket.onclose = () => {
      this.#tell("lost", {});
      setTimeout(() => this.connect(), this.#wait);
      this.#wait = Math.min(8000, this.#wait * 2);
    };
    this.#socket = socket;
  }

  #tell(kind, detail) {
    this.dispatchEvent(new CustomEvent(kind, { detail }));
  }

  on(kind, handler) {
    this.addEventListener(kind, (event) => handler(event.detail));
  }

  get open() {
    return this.#socket?.readyState === WebSocket.OPEN;
  }

  send(message) {
    if (this.open) this.#socket.send(JSON.stringify(message));
    return this.open;
  }

  sendFrame(number, captured, jpeg) {
    if (!this.open) return false;
    const bytes = new Uint8Array(HEADER + jpeg.byteLength);
    const header = new DataView(bytes.buffer);
    header.setUint32(0, number, true);
    header.setFloat64(4, captured, true);
    bytes.set(new Uint8Array(jpeg), HEADER);
    this.#socket.send(bytes);
    return true;
  }
}
