// @roamhq/wrtc: libwebrtc in Node. It sends back what it hears.

const { RTCPeerConnection, nonstandard } = require("@roamhq/wrtc");
const { run } = require("../whip.cjs");

const pc = new RTCPeerConnection();
const source = new nonstandard.RTCAudioSource();
pc.ontrack = ({ track }) => {
  const sink = new nonstandard.RTCAudioSink(track);
  sink.ondata = (samples) => source.onData(samples);
};

/** The description with all its candidates. */
async function complete(description) {
  await pc.setLocalDescription(description);
  while (pc.iceGatheringState !== "complete") await new Promise((done) => setTimeout(done, 50));
  return pc.localDescription.sdp;
}

run({
  async offer() {
    pc.addTrack(source.createTrack());
    return complete(await pc.createOffer());
  },
  accept: (sdp) => pc.setRemoteDescription({ type: "answer", sdp }),
  async answer(sdp) {
    await pc.setRemoteDescription({ type: "offer", sdp });
    pc.addTrack(source.createTrack());
    return complete(await pc.createAnswer());
  },
  isConnected: () => pc.connectionState === "connected",
  async facts() {
    const stats = [...(await pc.getStats()).values()];
    const one = (type) => stats.find((stat) => stat.type === type) ?? {};
    const { tlsVersion, srtpCipher } = one("transport");
    return {
      sent: one("outbound-rtp").packetsSent,
      received: one("inbound-rtp").packetsReceived,
      version: { FEFD: "1.2", FEFC: "1.3" }[tlsVersion],
      profile: `SRTP_${srtpCipher.replace(/^SRTP_/, "").replace("AES_CM_128", "AES128_CM")}`,
    };
  },
});
