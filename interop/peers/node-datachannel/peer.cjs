// node-datachannel: libdatachannel in Node. It sends back what it receives.

const { Audio, PeerConnection } = require("node-datachannel");
const { run } = require("../whip.cjs");

const SSRC = 4711;

const pc = new PeerConnection("peer", { iceServers: [], disableAutoNegotiation: true });
let count = 0;
let connected = false;
pc.onStateChange((state) => (connected = state === "connected"));

function echo(track) {
  track.onMessage((packet) => {
    // RTCP comes here too (RFC 5761).
    if (packet[1] >= 192 && packet[1] <= 223) return;
    count += 1;
    packet.writeUInt32BE(SSRC, 8);
    track.sendMessageBinary(packet);
  });
}

function addTrack(mid) {
  const audio = new Audio(mid, "SendRecv");
  audio.addOpusCodec(111);
  audio.addSSRC(SSRC, "peer", "peer", "peer");
  const track = pc.addTrack(audio);
  echo(track);
  return track;
}

/** The description with all its candidates. */
function complete(type) {
  const gathered = new Promise((done) => pc.onGatheringStateChange((state) => state === "complete" && done()));
  pc.setLocalDescription(type);
  return gathered.then(() => pc.localDescription().sdp);
}

run({
  offer() {
    addTrack("0");
    return complete("offer");
  },
  accept: (sdp) => pc.setRemoteDescription(sdp, "answer"),
  answer(sdp) {
    const [, mid] = sdp.match(/^a=mid:(\S+)/m);
    addTrack(mid);
    pc.setRemoteDescription(sdp, "offer");
    return complete("answer");
  },
  isConnected: () => connected,
  facts: () => ({ sent: count, received: count }),
});
