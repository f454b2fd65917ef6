// The expression network of npm's @vladmandic/face-api on ready faces; see ../bench_peers.py.
// Arguments: faces (uint8, N x 48 x 48, raw), N, where the json is written, the node project.
const fs = require("fs");
const path = require("path");

const [source, count, out, project] = process.argv.slice(2);
const modules = path.join(project, "node_modules");
const wasm = require(path.join(modules, "@tensorflow/tfjs-backend-wasm"));
const api = path.join(modules, "@vladmandic/face-api");
const LABELS = ["neutral", "happy", "sad", "angry", "fear", "disgust", "surprise"];

async function main() {
  wasm.setThreadsCount(1);
  wasm.setWasmPaths(path.join(modules, "@tensorflow/tfjs-backend-wasm/dist/"));
  const faceapi = require(path.join(api, "dist/face-api.node-wasm.js"));
  await faceapi.tf.setBackend("wasm");
  await faceapi.tf.ready();
  await faceapi.nets.faceExpressionNet.loadFromDisk(path.join(api, "model"));
  const pixels = fs.readFileSync(source);
  const probabilities = [];
  const started = performance.now();
  for (let i = 0; i < Number(count); i++) {
    const grey = new Uint8Array(pixels.subarray(i * 2304, (i + 1) * 2304));
    const image = faceapi.tf.tidy(() =>
      faceapi.tf.tensor3d(grey, [48, 48, 1], "int32").tile([1, 1, 3]).toFloat());
    const found = await faceapi.nets.faceExpressionNet.predictExpressions(image);
    image.dispose();
    probabilities.push(["neutral", "happy", "sad", "angry", "fearful", "disgusted", "surprised"].map((e) => found[e]));
  }
  const ms = (performance.now() - started) / Number(count);
  const net = faceapi.nets.faceExpressionNet;
  const parameters = [...net.getParamList(), ...net.faceFeatureExtractor.getParamList()]
    .reduce((sum, p) => sum + p.tensor.size, 0);
  fs.writeFileSync(out, JSON.stringify({ labels: LABELS, probabilities, ms, parameters }));
}

main();
