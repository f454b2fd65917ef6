// The camera of the browser, and sentences for when there is none.
const WANTED = { width: { ideal: 640 }, height: { ideal: 480 }, frameRate: { ideal: 60 } };

const SENTENCES = {
  NotAllowedError:
    "The browser was not allowed to use the camera. Allow it for this page (the camera sign beside the address), then start again; or upload a video.",
  NotFoundError: "No camera was found. Connect one and start again, or upload a video.",
  NotReadableError:
    "The camera is there but gives no picture: another program may be using it. Close that one and start again.",
  OverconstrainedError: "The camera has no picture of a usable size. Take another camera, or upload a video.",
};

const INSECURE =
  "The browser gives the camera to secure pages only, and this address is none. Open http://127.0.0.1 with the same port; from another machine use ssh -L.";

export function sentenceOf(error) {
  return SENTENCES[error.name] ?? `The camera cannot be used (${error.name}: ${error.message}). Upload a video instead.`;
}

export async function openCamera() {
  if (!window.isSecureContext || !navigator.mediaDevices?.getUserMedia) throw new Error(INSECURE);
  try {
    return await navigator.mediaDevices.getUserMedia({ video: WANTED, audio: false });
  } catch (error) {
    throw new Error(sentenceOf(error));
  }
}

export function closeCamera(stream) {
  for (const track of stream?.getTracks() ?? []) track.stop();
}
