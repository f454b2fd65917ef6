// Frames from the video to the program: one in flight, the newest when the answer has come.
const WIDEST = 640;
const QUALITY = 0.85;
const PATIENCE = 10000; // milliseconds without an answer

export class Pump {
  #video; #link; #canvas = document.createElement("canvas"); #running = false;
  #flying = null; #number = 0; #seen = 0; #sent = 0; #first = null; #newest = null;

  constructor(video, link) {
    this.#video = video;
    this.#link = link;
    this.largest = Infinity;
  }

  start() {
    this.#running = true;
    this.#seen = this.#sent = 0;
    this.#first = this.#newest = this.#flying = null;
    this.#next();
  }

  stop() { this.#running = false; }

  // The answer to a frame has come (or an error in its place): the newest frame goes now.
  answered(number) {
    if (this.#flying && this.#flying.number === number) this.#flying = null;
    if (this.#running && this.#newest !== null) this.#send(this.#newest);
  }

  reset() { this.#flying = null; }

  get counts() { return { seen: this.#seen, sent: this.#sent }; }

  #next() {
    if (!this.#running) return;
    const video = this.#video;
    if (video.requestVideoFrameCallback) {
      video.requestVideoFrameCallback((now, data) => this.#frame(data.captureTime ?? now, data.presentedFrames));
    } else {
      requestAnimationFrame((now) => this.#frame(now, this.#seen + 1));
    }
  }

  #frame(captured, presented) {
    if (!this.#running) return;
    this.#first ??= presented - 1;
    this.#seen = presented - this.#first;
    this.#newest = captured;
    const flying = this.#flying;
    if (!flying || performance.now() - flying.since > PATIENCE) this.#send(captured);
    this.#next();
  }

  async #send(captured) {
    if (this.#flying || !this.#link.open) return;
    const { videoWidth: width, videoHeight: height } = this.#video;
    if (!width || !height) return;
    this.#newest = null;
    const number = (this.#number = (this.#number + 1) % 2 ** 32);
    const flight = (this.#flying = { number, since: performance.now() });
    const jpeg = await this.#jpeg(Math.min(1, WIDEST / width));
    if (this.#flying !== flight) return;
    if (jpeg && jpeg.byteLength < this.largest && this.#link.sendFrame(number, captured, jpeg)) this.#sent += 1;
    else this.#flying = null;
  }

  async #jpeg(shrink) {
    const canvas = this.#canvas;
    const width = Math.round(this.#video.videoWidth * shrink);
    const height = Math.round(this.#video.videoHeight * shrink);
    if (canvas.width !== width || canvas.height !== height) Object.assign(canvas, { width, height });
    canvas.getContext("2d", { alpha: false }).drawImage(this.#video, 0, 0, width, height);
    const blob = await new Promise((done) => canvas.toBlob(done, "image/jpeg", QUALITY));
    return blob?.arrayBuffer();
  }
}
