// The page: what happens when.
import { Bars } from "./bars.js";
import { closeCamera, openCamera } from "./camera.js";
import { Chart } from "./chart.js";
import { isDark } from "./colours.js";
import { History } from "./history.js";
import { KeptList } from "./kept.js";
import { listenToKeys } from "./keys.js";
import { Link } from "./link.js";
import { Numbers } from "./numbers.js";
import { Pump } from "./pump.js";
import { Recorder } from "./record.js";
import { ScriptPart } from "./script.js";
import { Stage } from "./stage.js";
import { upload } from "./upload.js";

const $ = (id) => document.getElementById(id);
const CHARTS = 120; // milliseconds between two drawings

const link = new Link();
const video = $("video");
const stage = new Stage($("stage"), $("boxes"));
const pump = new Pump(video, link);
const numbers = new Numbers();
const history = new History();
const kept = new KeptList(complain);
const recorder = new Recorder(link, kept, complain, $("record"));
const charts = { person: new Chart($("person-chart")), chosen: new Chart($("chosen-chart")) };
const bars = { person: new Bars($("bars")), chosen: new Bars($("chosen-bars")) };
const script = new ScriptPart(link, kept, complain, (emotion) => labels[model.emotions.indexOf(emotion)] ?? emotion);
let labels = [];
let model = { emotions: [] };
let stream = null;
let agreed = false;
let first = null; // milliseconds of the first frame
let charted = 0;
kept.beforeDelete = (item) => recorder.drop(item.key);

function complain(sentence) {
  const notice = $("notice");
  notice.textContent = sentence;
  notice.hidden = !sentence;
}

// What the program says.
link.on("ready", (message) => {
  model = message;
  labels = message.labels;
  Object.assign(stage, { labels, colours: message.colours });
  pump.largest = message.message - 16;
  $("model").replaceChildren(...message.models.map((name) => new Option(name, name, false, name === message.model)));
  $("model").disabled = false;
  $("terms").textContent = message.terms ? `Model ${message.model}: ${message.terms}.` : "";
  $("saliency").value = message.saliency;
  for (const part of [...Object.values(charts), ...Object.values(bars)]) part.build(labels, message.colours);
  history.clear();
  follow(null);
  $("detection").textContent = saved(message);
  pump.reset();
});

function saved({ every, scale, detector }) {
  if (every === 1 && scale === 1) return "Every value is the one that `ferkit predict` gives for the frame.";
  const parts = [];
  if (every > 1) parts.push(`faces are looked for (${detector}) once in ${every} frames, with more than 7 faces less often, and followed by optical flow in between`);
  if (scale < 1) parts.push(`on a copy of ${Math.round(100 * scale)}% of the size, where small faces are missed`);
  return `To save time ${parts.join(", ")}; every face is classified in every frame. detect.every=1 detect.scale=1 saves nothing.`;
}

link.on("faces", (message) => {
  pump.answered(message.number);
  if (!stream) return;
  numbers.answered(message);
  stage.show(message.faces, message.size, message.person);
  requestAnimationFrame(() => numbers.drawn(message.captured));
  first ??= message.captured;
  history.add((message.captured - first) / 1000, message.faces);
  const now = (track) => message.faces.find((face) => face.track === track)?.p ?? null;
  bars.person.show(now(message.person));
  if (stage.chosen !== null) bars.chosen.show(now(stage.chosen));
  script.state(message.script);
  if (performance.now() - charted > CHARTS) drawCharts(message.person);
});

function drawCharts(person) {
  charted = performance.now();
  charts.last = person ?? charts.last;
  charts.person.show(history.columns(charts.last, labels.length));
  if (stage.chosen !== null) charts.chosen.show(history.columns(stage.chosen, labels.length));
  numbers.show(pump.counts);
}

link.on("error", (message) => {
  complain(message.sentence);
  $("model").disabled = false; // where another model was refused
  $("model").value = model.model;
  pump.reset();
  if (typeof message.number === "number") pump.answered(message.number);
});
link.on("open", () => { complain(""); pump.reset(); });
link.on("lost", () => {
  complain("The mirror's program does not answer; start `ferkit mirror` again. This page connects by itself.");
  $("model").disabled = true;
  stage.clear();
});
link.on("map", (message) => {
  if (message.sentence) {
    complain(message.sentence);
    $("map").hidden = true;
    link.send({ kind: "saliency", method: ($("saliency").value = "none") });
    return;
  }
  $("map").hidden = $("saliency").value === "none";
  $("map-picture").src = `data:image/jpeg;base64,${message.picture}`;
  $("map-picture").alt = `Map of person 0 for ${labels[message.class]}`;
  $("map-words").textContent = `Person 0: what supports "${labels[message.class]}", ${message.seconds.toFixed(2)} s a map, at its own pace.`;
});

// What a person does.
function start() { if (!stream) { if (agreed) begin(); else $("consent").showModal(); } }

async function begin() {
  complain("");
  try {
    stream = await openCamera();
  } catch (error) {
    complain(error.message);
    return;
  }
  stream.getVideoTracks()[0].onended = () => { stop(); complain("The camera was taken away; connect it and start again."); };
  video.srcObject = stream;
  await video.play();
  first = null;
  history.clear();
  numbers.clear();
  recorder.stream = stream;
  running(true);
  pump.start();
}

function stop() {
  if (!stream) return;
  recorder.stop();
  script.stop();
  pump.stop();
  closeCamera(stream);
  stream = recorder.stream = video.srcObject = null;
  stage.clear();
  running(false);
}

function running(on) {
  $("idle").hidden = on;
  $("stop").disabled = $("record").disabled = !on;
  script.camera = on;
  script.refresh();
}

function follow(track) {
  stage.chosen = track;
  $("chosen").hidden = track === null;
  if (track !== null) {
    $("chosen-title").textContent = `Face ${track}`;
    charts.chosen.rebuild();
  }
  link.send({ kind: "follow", track });
  stage.draw();
}

function sendFile(file) {
  if (file) { complain(""); upload(file, model.model, kept, complain); }
}

function turnTheme() {
  const theme = isDark() ? "light" : "dark";
  document.documentElement.dataset.theme = theme;
  localStorage.setItem("ferkit-theme", theme);
  recolour();
}

function recolour() {
  for (const part of Object.values(bars)) part.recolour();
  for (const part of [charts.person, charts.chosen]) part.rebuild();
}

const about = () => $("ethics").showModal();
$("start").onclick = start;
$("stop").onclick = stop;
$("record").onclick = () => recorder.toggle();
$("upload").onclick = () => $("upload-file").click();
$("upload-file").onchange = (event) => { sendFile(event.target.files[0]); event.target.value = ""; };
$("model").onchange = (event) => { event.target.disabled = true; link.send({ kind: "model", name: event.target.value }); };
$("saliency").onchange = (event) => {
  $("map").hidden = true;
  link.send({ kind: "saliency", method: event.target.value });
};
$("flip").onchange = (event) => {
  stage.flipped = event.target.checked;
  $("stage").classList.toggle("flipped", stage.flipped);
  stage.draw();
};
$("theme").onclick = turnTheme;
$("about").onclick = $("more").onclick = about;
$("ethics-close").onclick = () => $("ethics").close();
$("agreed").onchange = (event) => { $("agree").disabled = !event.target.checked; };
$("agree").onclick = () => { agreed = true; $("consent").close(); begin(); };
$("decline").onclick = () => $("consent").close();
$("unfollow").onclick = () => follow(null);
$("boxes").onclick = (event) => follow(stage.at(event.clientX, event.clientY));
$("stage").classList.add("flipped");
document.addEventListener("dragover", (event) => event.preventDefault());
document.addEventListener("drop", (event) => { event.preventDefault(); sendFile(event.dataTransfer.files[0]); });
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", recolour);
new ResizeObserver(() => stage.draw()).observe($("stage"));
listenToKeys({
  script,
  c: () => (stream ? stop() : start()),
  r: () => recorder.toggle(),
  u: () => $("upload-file").click(),
  s: () => script.start(),
  t: turnTheme,
  "?": about,
  Escape: () => follow(null),
  number: (n) => { const track = stage.tracks[n - 1]; if (track !== undefined) follow(track); },
});
link.connect();
Object.assign(window, { ferkitMirror: { stage, numbers, pump, charts, link } }); // to look at while it runs
