// werift. It sends back what it receives.

const { RTCPeerConnection, useOPUS } = require("werift");
const { run } = require("../whip.cjs");

const pc = new RTCPeerConnection({ iceServers: [], codecs: { audio: [useOPUS()] } });
let count = 0;

function echo(transceiver) {
  transceiver.onTrack.subscribe((track) => {
    track.onReceiveRtp.subscribe((packet) => {
      count += 1;
      transceiver.sender.sendRtp(packet);
    });
  });
}

run({
  async offer() {
    echo(pc.addTransceiver("audio", { direction: "sendrecv" }));
    await pc.setLocalDescription(await pc.createOffer());
    return pc.localDescription.sdp;
  },
  accept: (sdp) => pc.setRemoteDescription({ type: "answer", sdp }),
  async answer(sdp) {
    echo(pc.addTransceiver("audio", { direction: "sendrecv" }));
    await pc.setRemoteDescription({ type: "offer", sdp });
    await pc.setLocalDescription(await pc.createAnswer());
    return pc.localDescription.sdp;
  },
  isConnected: () => pc.connectionState === "connected",
  facts: () => ({ sent: count, received: count }),
});
