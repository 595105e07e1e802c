// One call of a browser. Runs beside the page of interop/src/page.rs; what is asked of it stands in `options`.

const PEER_TONE = 440;
const RECORD_MS = 3000;

/** The tone to send. Firefox makes none in a page without an audio device: its microphone hums it. */
async function source(options) {
  if (options.microphone) return navigator.mediaDevices.getUserMedia({ audio: { echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  const audio = new AudioContext();
  await audio.resume();
  const oscillator = new OscillatorNode(audio, { frequency: PEER_TONE });
  const output = new MediaStreamAudioDestinationNode(audio, { channelCount: 1 });
  oscillator.connect(new GainNode(audio, { gain: 0.3 })).connect(output);
  oscillator.start();
  return output.stream;
}

async function connection(options) {
  const rsa = { name: "RSASSA-PKCS1-v1_5", hash: "SHA-256", modulusLength: 2048, publicExponent: new Uint8Array([1, 0, 1]) };
  const config = {};
  if (options.rsa) config.certificates = [await RTCPeerConnection.generateCertificate(rsa)];
  if (options.cryptex) config.rtpHeaderEncryptionPolicy = "require";
  const pc = new RTCPeerConnection(config);
  window.call = { pc };
  pc.addEventListener("track", (event) => {
    window.call.received = new MediaStream([event.track]);
    const element = document.body.appendChild(document.createElement("audio"));
    element.srcObject = window.call.received;
    element.play().catch(() => {});
  });
  return pc;
}

/** Calls the host of this page; `options.port` takes the place of its media port, with `options.tcp` it has no UDP. */
window.offer = async (options) => {
  const pc = await connection(options);
  const stream = await source(options);
  pc.addTransceiver(stream.getAudioTracks()[0], { direction: "sendrecv", streams: [stream] });
  await pc.setLocalDescription();
  const response = await fetch("/whip", { method: "POST", headers: { "Content-Type": "application/sdp" }, body: pc.localDescription.sdp });
  let sdp = await response.text();
  if (!response.ok) throw new Error(`${response.status}: ${sdp}`);
  if (options.port) sdp = sdp.replace(/(a=candidate:.*) \d+ typ host/g, `$1 ${options.port} typ host`);
  if (options.tcp) sdp = sdp.replace(/a=candidate:.* udp .*\r\n/gi, "");
  await pc.setRemoteDescription({ type: "answer", sdp });
};

/** Answers a call. */
window.answer = async (sdp, options) => {
  const pc = await connection(options);
  const stream = await source(options);
  await pc.setRemoteDescription({ type: "offer", sdp });
  pc.addTrack(stream.getAudioTracks()[0], stream);
  await pc.setLocalDescription();
  for (let waited = 0; pc.iceGatheringState !== "complete" && waited < 3000; waited += 50) await sleep(50);
  return pc.localDescription.sdp;
};

/** What the call came to, once it has gone on for a while. */
window.facts = async () => {
  const { pc } = window.call;
  for (let waited = 0; pc.connectionState !== "connected"; waited += 50) {
    if (waited > 15000 || pc.connectionState === "failed") throw new Error(`the call is ${pc.connectionState}, ICE ${pc.iceConnectionState}`);
    await sleep(50);
  }
  const heard = await frequency(await recording(window.call.received));
  const stats = [...(await pc.getStats()).values()];
  const one = (type) => stats.find((stat) => stat.type === type) ?? {};
  const { dtlsState, tlsVersion, srtpCipher, dtlsRole } = one("transport");
  return { dtlsState, tlsVersion, srtpCipher, dtlsRole, heard, sent: one("outbound-rtp").packetsSent, received: one("inbound-rtp").packetsReceived };
};

function sleep(milliseconds) {
  return new Promise((done) => setTimeout(done, milliseconds));
}

async function recording(stream) {
  const recorder = new MediaRecorder(stream);
  const parts = [];
  recorder.addEventListener("dataavailable", (event) => parts.push(event.data));
  const stopped = new Promise((done) => recorder.addEventListener("stop", done));
  recorder.start();
  await sleep(RECORD_MS);
  recorder.stop();
  await stopped;
  return new Blob(parts);
}

/** The loudest frequency in the middle of a recording, or nothing if it has less than 4/5 of the power there. */
async function frequency(blob) {
  const decoder = new OfflineAudioContext(1, 48000, 48000);
  const samples = (await decoder.decodeAudioData(await blob.arrayBuffer())).getChannelData(0);
  const start = Math.floor(samples.length / 2) - 12000;
  const middle = samples.subarray(start, start + 24000);
  const all = middle.reduce((sum, sample) => sum + sample * sample, 0) / middle.length;
  let best = [0, null];
  for (let hertz = 100; hertz <= 2000; hertz += 20) {
    let [real, imaginary] = [0, 0];
    middle.forEach((sample, n) => {
      const angle = (2 * Math.PI * hertz * n) / 48000;
      real += sample * Math.cos(angle);
      imaginary += sample * Math.sin(angle);
    });
    const power = (2 * (real * real + imaginary * imaginary)) / middle.length ** 2;
    if (power > best[0]) best = [power, hertz];
  }
  return best[0] > 0.8 * all && all > 1e-4 ? best[1] : null;
}
