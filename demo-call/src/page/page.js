// Places one call to the host that served this page: WHIP (RFC 9725), then WebRTC statistics.

const TONE_HZ = 440;
const POLL_MS = 250;
const CONNECT_LIMIT_MS = 15_000;

const VERSIONS = { FEFF: "DTLS 1.0", FEFD: "DTLS 1.2", FEFC: "DTLS 1.3" };

const element = (id) => document.getElementById(id);

let call = null;

element("call").addEventListener("click", () => (call ? hangUp("Call ended") : start()));
addEventListener("pagehide", () => call && hangUp("Call ended"));

if (!window.RTCPeerConnection) {
  element("call").disabled = true;
  fail("This browser has no WebRTC.");
}

async function start() {
  const source = document.querySelector("input[name=source]:checked").value;
  const current = { pc: new RTCPeerConnection(), audio: new AudioContext(), timers: [] };
  call = current;
  clear();
  show("calling", "Calling …");
  try {
    const stream = await open(source, current);
    if (call !== current) return;
    watch(current);
    current.pc.addTransceiver(stream.getAudioTracks()[0], { direction: "sendrecv", streams: [stream] });
    meter(current, stream);
    await exchange(current);
  } catch (error) {
    if (call === current) hangUp(null, explain(error, source));
  }
}

/** The stream to send: the microphone, or a tone made here. */
async function open(source, current) {
  // Without an audio device some browsers never resume; a call with the microphone needs no context.
  current.audio.resume();
  if (source === "microphone") {
    if (!navigator.mediaDevices) {
      throw new Error("A browser gives its microphone only to pages of https:// or of localhost. Choose the tone.");
    }
    current.stream = await navigator.mediaDevices.getUserMedia({ audio: true });
    return current.stream;
  }
  const oscillator = new OscillatorNode(current.audio, { frequency: TONE_HZ });
  const gain = new GainNode(current.audio, { gain: 0.3 });
  const output = new MediaStreamAudioDestinationNode(current.audio, { channelCount: 1 });
  oscillator.connect(gain).connect(output);
  oscillator.start();
  current.stream = output.stream;
  return current.stream;
}

/** Offer out by POST, answer back. No waiting for candidates: the host learns ours from the check. */
async function exchange(current) {
  const { pc } = current;
  await pc.setLocalDescription();
  const response = await fetch("whip", {
    method: "POST",
    headers: { "Content-Type": "application/sdp" },
    body: pc.localDescription.sdp,
  });
  const text = await response.text();
  if (!response.ok) throw new Error(`The host refused the call (${response.status}): ${text.trim()}`);
  current.location = response.headers.get("Location");
  if (call !== current) {
    remove(current);
    return;
  }
  await pc.setRemoteDescription({ type: "answer", sdp: text });
}

function watch(current) {
  const { pc } = current;
  const limit = setTimeout(
    () => hangUp(null, "No connection within 15 seconds: the host’s media port may not be reachable from here."),
    CONNECT_LIMIT_MS,
  );
  current.timers.push(() => clearTimeout(limit));
  pc.addEventListener("track", (event) => {
    const stream = event.streams[0] ?? new MediaStream([event.track]);
    element("received").srcObject = stream;
    element("received").play().catch(() => {});
  });
  pc.addEventListener("connectionstatechange", () => {
    if (call !== current) return;
    if (pc.connectionState === "connected") {
      clearTimeout(limit);
      show("connected", "Connected");
    } else if (pc.connectionState === "failed") {
      hangUp(null, failure(pc));
    } else if (pc.connectionState === "closed") {
      hangUp("The host hung up");
    }
  });
  const poll = setInterval(() => refresh(current), POLL_MS);
  current.timers.push(() => clearInterval(poll));
}

/** Reads the browser's statistics into the table. */
async function refresh(current) {
  const stats = [...(await current.pc.getStats()).values()];
  if (call !== current) return;
  const one = (type, test = () => true) => stats.find((stat) => stat.type === type && test(stat)) ?? {};
  const transport = one("transport");
  const sent = one("outbound-rtp");
  const received = one("inbound-rtp");
  const atHost = one("remote-inbound-rtp");
  const pair = one("candidate-pair", (stat) => stat.nominated && stat.state === "succeeded");
  const rtt = pair.currentRoundTripTime ?? atHost.roundTripTime;
  put("ice", transport.iceState ?? current.pc.iceConnectionState);
  put("dtls", transport.dtlsState);
  put("version", VERSIONS[transport.tlsVersion] ?? transport.tlsVersion);
  put("cipher", transport.dtlsCipher);
  put("srtp", transport.srtpCipher);
  put("fingerprint-local", fingerprint(current.pc.localDescription));
  put("fingerprint-remote", fingerprint(current.pc.remoteDescription));
  put("sent", sent.packetsSent);
  put("packets-received", received.packetsReceived);
  put("lost-received", received.packetsLost);
  put("lost-sent", atHost.packetsLost);
  // Firefox counts whole milliseconds.
  put("rtt", rtt === 0 ? "below 1 ms" : rtt && `${(rtt * 1000).toFixed(1)} ms`);
  level("level-received", received.audioLevel ?? 0);
  if (transport.dtlsState === "closed") hangUp("The host hung up");
}

/** Shows how loud `stream`, the one sent, is. */
function meter(current, stream) {
  const analyser = new AnalyserNode(current.audio, { fftSize: 1024 });
  current.audio.createMediaStreamSource(stream).connect(analyser);
  const samples = new Float32Array(analyser.fftSize);
  const timer = setInterval(() => {
    analyser.getFloatTimeDomainData(samples);
    level("level-sent", samples.reduce((peak, sample) => Math.max(peak, Math.abs(sample)), 0));
  }, 100);
  current.timers.push(() => clearInterval(timer));
}

/** Shows an amplitude, from -60 dB to full scale, as an ear has it. */
function level(id, amplitude) {
  element(id).value = Math.max(0, 1 + (20 * Math.log10(amplitude + 1e-9)) / 60);
}

function hangUp(text, error) {
  const current = call;
  if (!current) return;
  call = null;
  current.timers.forEach((stop) => stop());
  current.stream?.getTracks().forEach((track) => track.stop());
  current.pc.close();
  current.audio.close();
  remove(current);
  element("received").srcObject = null;
  element("level-sent").value = element("level-received").value = 0;
  if (error) fail(error);
  else show("idle", text);
}

/** Tells the host, which may be gone already. */
function remove(current) {
  if (current.location) fetch(current.location, { method: "DELETE", keepalive: true }).catch(() => {});
}

function failure(pc) {
  return pc.iceConnectionState === "failed"
    ? "No way to the host’s media port was found (ICE failed). A firewall may stop UDP."
    : "The security handshake failed: versions or SRTP profiles do not meet, or a certificate is not the one that was announced.";
}

function explain(error, source) {
  if (error.name === "NotAllowedError") return "The browser was not allowed to use the microphone. Choose the tone, or allow it.";
  if (error.name === "NotFoundError" && source === "microphone") return "There is no microphone here. Choose the tone.";
  if (error instanceof TypeError) return `The host does not answer: ${error.message}`;
  return error.message;
}

/** The fingerprint in a description, which may be broken after every 8 bytes. */
function fingerprint(description) {
  const [, algorithm, bytes] = description?.sdp.match(/^a=fingerprint:(\S+) (\S+)/m) ?? [];
  return bytes && `${algorithm}\n${bytes.replace(/((?:..:){8})/g, "$1 ")}`;
}

function show(state, text) {
  element("state").dataset.state = state;
  element("state").textContent = text;
  element("source").disabled = call !== null;
  element("call").textContent = call ? "Hang up" : "Call";
  element("call").classList.toggle("hang-up", call !== null);
}

function fail(text) {
  show("failed", "No call");
  element("error").textContent = text;
  element("error").hidden = false;
}

function clear() {
  element("error").hidden = true;
  document.querySelectorAll("td").forEach((cell) => (cell.textContent = "–"));
}

function put(id, value) {
  element(id).textContent = value ?? "–";
}
