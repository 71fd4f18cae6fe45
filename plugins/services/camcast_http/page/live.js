// A stream as it is now, where it has an output for browsers (WHEP): by WebRTC, asked for at the interface.

import { call, sessionPath } from "./api.js";

const PATIENCE = 8000; // ms from the answer to the first picture
const AGAIN = 30000; // ms after which one that did not come is tried again

export class Live {
  /** `changed` is called when pictures come, or come no more. */
  constructor(video, changed) {
    this.video = video;
    this.changed = changed;
    this.on = false; // whether pictures come
    this.peer = null;
    this.place = "";
    this.failed = -Infinity;
  }

  /** Show what this output sends, unless it is shown or was not to be had a moment ago. */
  async start(key) {
    if (this.peer || document.hidden || !globalThis.RTCPeerConnection || performance.now() - this.failed < AGAIN) return;
    const peer = (this.peer = new RTCPeerConnection());
    try {
      await this.open(peer, `${sessionPath(key)}/watch`);
    } catch {
      this.lose(peer); // there are pictures one by one instead
    }
  }

  async open(peer, path) {
    const stream = new MediaStream();
    peer.addEventListener("track", ({ track }) => stream.addTrack(track));
    peer.addEventListener("connectionstatechange", () => {
      if (["failed", "closed", "disconnected"].includes(peer.connectionState)) this.lose(peer);
    });
    for (const kind of ["video", "audio"]) peer.addTransceiver(kind, { direction: "recvonly" });
    await peer.setLocalDescription();
    const opened = await call(path, { method: "POST", body: { offer: peer.localDescription.sdp }, asks: false });
    const { answer, viewer } = await opened.json();
    const place = `${path}/${viewer}`;
    if (peer !== this.peer) return void leave(place); // somebody has closed it meanwhile
    this.place = place;
    await peer.setRemoteDescription({ type: "answer", sdp: answer });
    this.video.srcObject = stream;
    this.timer = setTimeout(() => this.lose(peer), PATIENCE);
    await this.video.play();
    if (peer !== this.peer) return;
    clearTimeout(this.timer);
    this.on = true;
    this.changed();
  }

  lose(peer) {
    if (peer !== this.peer) return;
    this.failed = performance.now();
    this.stop();
  }

  stop() {
    if (!this.peer) return;
    clearTimeout(this.timer);
    this.peer.close();
    this.peer = null;
    if (this.place) void leave(this.place);
    this.place = "";
    this.video.srcObject = null;
    this.on = false;
    this.changed();
  }
}

/** Tell the output, which would notice by itself, a little later. */
async function leave(place) {
  try {
    await call(place, { method: "DELETE", asks: false });
  } catch {
    // it has ended already, or nobody answers
  }
}
