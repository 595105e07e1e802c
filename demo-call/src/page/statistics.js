// What the browser's statistics say of a call: WebRTC's own names go in, the page's come out.

const VERSIONS = { FEFF: "DTLS 1.0", FEFD: "DTLS 1.2", FEFC: "DTLS 1.3" };

/** One reading; the rates in it are those since `before`, the reading before it. */
export async function read(pc, before) {
  const stats = [...(await pc.getStats()).values()];
  const one = (type, test = () => true) => stats.find((stat) => stat.type === type && test(stat)) ?? {};
  const audio = (stat) => (stat.kind ?? stat.mediaType) === "audio";
  const transport = one("transport");
  const out = one("outbound-rtp", audio);
  const received = one("inbound-rtp", audio);
  const atHost = one("remote-inbound-rtp", audio);
  const selected = (stat) => (transport.selectedCandidatePairId ? stat.id === transport.selectedCandidatePairId : stat.nominated && stat.state === "succeeded");
  const pair = one("candidate-pair", selected);
  const ends = [pair.localCandidateId, pair.remoteCandidateId].map((id) => one("local-candidate", (it) => it.id === id).address ? one("local-candidate", (it) => it.id === id) : one("remote-candidate", (it) => it.id === id));
  const codec = one("codec", (stat) => stat.id === (out.codecId ?? received.codecId));
  const now = {
    time: performance.now() / 1000,
    ice: transport.iceState ?? pc.iceConnectionState,
    dtls: transport.dtlsState,
    version: VERSIONS[transport.tlsVersion] ?? transport.tlsVersion,
    cipher: transport.dtlsCipher,
    srtp: transport.srtpCipher,
    role: transport.dtlsRole,
    codec: codec.mimeType && `${codec.mimeType.replace("audio/", "")}, ${codec.clockRate / 1000} kHz, payload type ${codec.payloadType}`,
    path: ends[0].port && ends[1].port && `${address(ends[0])} to ${address(ends[1])}, ${ends[0].protocol}`,
    sent: out.packetsSent,
    sentBytes: out.bytesSent,
    received: received.packetsReceived,
    receivedBytes: received.bytesReceived,
    lostReceived: received.packetsLost,
    lostSent: atHost.packetsLost,
    jitterReceived: milliseconds(received.jitter),
    jitterSent: milliseconds(atHost.jitter),
    lossSent: atHost.fractionLost === undefined ? undefined : atHost.fractionLost * 100,
    rtt: milliseconds(pair.currentRoundTripTime ?? atHost.roundTripTime),
    level: received.audioLevel ?? 0,
  };
  const seconds = before ? now.time - before.time : 0;
  const since = (name) => (seconds > 0 ? now[name] - before[name] : undefined);
  now.rateSent = (since("sentBytes") * 8) / 1000 / seconds;
  now.rateReceived = (since("receivedBytes") * 8) / 1000 / seconds;
  const missing = Math.max(0, since("lostReceived"));
  now.lossReceived = (missing / (missing + since("received"))) * 100;
  return now;
}

function address({ address, port }) {
  return address?.includes(":") ? `[${address}]:${port}` : `${address ?? "hidden"}:${port}`;
}

function milliseconds(seconds) {
  return seconds === undefined ? undefined : seconds * 1000;
}
