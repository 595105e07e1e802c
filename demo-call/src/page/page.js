// Places one call to the host that served this page (WHIP, RFC 9725), and shows what both sides know of it.

import { Plot } from "./plot.js";
import { read } from "./statistics.js";

const TONE_HZ = 440;
const POLL_MS = 500;
const HOST_LIMIT_MS = 1500;
const CONNECT_LIMIT_MS = 15_000;

/** From when on silence is told: the host's packets come every 20 ms. With a turn of the poll it shows within two seconds. */
const SILENCE_MS = 1500;

/** How long the host may take to close a recording: tries, half a second apart. */
const RECORDING_TRIES = 20;

const element = (id) => document.getElementById(id);

const plots = {
  rate: new Plot(element("plot-rate"), "Bit rate", "kbit/s", 50, 0),
  loss: new Plot(element("plot-loss"), "Loss", "%", 2, 1),
  jitter: new Plot(element("plot-jitter"), "Jitter", "ms", 5, 1),
  rtt: new Plot(element("plot-rtt"), "Round trip", "ms", 5, 1),
};

let call = null;

element("call").addEventListener("click", () => (call ? hangUp("Call ended") : start()));
addEventListener("pagehide", () => call && hangUp("Call ended"));

if (!window.RTCPeerConnection) {
  element("call").disabled = true;
  fail("This browser has no WebRTC.");
}

async function start() {
  const source = document.querySelector("input[name=source]:checked").value;
  const current = {
    pc: new RTCPeerConnection(),
    audio: new AudioContext(),
    timers: [],
    began: performance.now(),
    events: [],
    connected: false,
    heard: null,
  };
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

/** A request to the host, with the token if it asks for one. */
function ask(path, options = {}) {
  const token = element("token").value.trim();
  const headers = { ...options.headers, ...(token && { Authorization: `Bearer ${token}` }) };
  return fetch(path, { cache: "no-store", ...options, headers });
}

/** Offer out by POST, answer back. No waiting for candidates: the host learns ours from the check. */
async function exchange(current) {
  const { pc } = current;
  await pc.setLocalDescription();
  current.offered = performance.now();
  const response = await ask("whip", {
    method: "POST",
    headers: { "Content-Type": "application/sdp" },
    body: pc.localDescription.sdp,
  });
  const text = await response.text();
  if (response.status === 401) {
    element("token-field").hidden = false;
    element("token").focus();
    throw new Error("Refused: this host takes calls with a token only.");
  }
  if (!response.ok) throw new Error(`Refused by the host (${response.status}): ${text.trim()}`);
  current.answered = performance.now();
  current.location = response.headers.get("Location");
  current.status = current.location && `calls/${current.location.split("/").pop()}`;
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
      current.connected = true;
      current.heard = performance.now();
      show("connected", "Connected");
    } else if (pc.connectionState === "failed") {
      failed(current);
    } else if (pc.connectionState === "closed") {
      hangUp("The host hung up");
    }
  });
  let busy = false;
  const poll = setInterval(async () => {
    if (busy) return;
    busy = true;
    try {
      await Promise.all([refresh(current), refreshHost(current)]);
    } finally {
      busy = false;
    }
  }, POLL_MS);
  // Its own beat: neither the browser's statistics nor the host may hold up the truth.
  const truth = setInterval(() => tell(current), POLL_MS);
  current.timers.push(() => clearInterval(poll), () => clearInterval(truth));
}

/** Says how the call is, from what was heard of the host and when. */
function tell(current) {
  if (call !== current || !current.connected) return;
  const told = Math.floor((performance.now() - (current.told ?? current.answered)) / 1000);
  put("host-says", told >= 2 ? `Host said, ${told} s ago` : "Host says");
  element("duration").textContent = time(performance.now() - current.began);
  const silent = performance.now() - current.heard;
  if (silent >= SILENCE_MS) {
    const words = current.pc.connectionState === "disconnected" ? "Disconnected: no answer" : "No answer";
    show("silent", `${words} from the host since ${Math.floor(silent / 1000)} s`);
  } else if (element("state").dataset.state === "silent") {
    show("connected", "Connected");
  }
}

/** Reads the browser's statistics. */
async function refresh(current) {
  const now = await read(current.pc, current.last);
  if (call !== current) return;
  if (now.received > (current.last?.received ?? 0)) current.heard = performance.now();
  current.last = now;
  for (const id of ["ice", "dtls", "version", "cipher", "srtp", "codec", "path", "sent"]) put(id, now[id]);
  put("role", now.role && (now.role === "client" ? "client: it begins the handshake" : "server: it answers the handshake"));
  put("packets-received", now.received);
  put("lost-received", now.lostReceived);
  put("lost-sent", now.lostSent);
  put("rtt", inMilliseconds(now.rtt));
  put("fingerprint-local", fingerprint(current.pc.localDescription));
  put("fingerprint-remote", fingerprint(current.pc.remoteDescription));
  level("level-received", now.level);
  if (current.connected) {
    plots.rate.add(now.time, now.rateSent, now.rateReceived);
    plots.loss.add(now.time, now.lossSent, now.lossReceived);
    plots.jitter.add(now.time, now.jitterSent, now.jitterReceived);
    plots.rtt.add(now.time, now.rtt, current.host?.round_trip_ms ?? undefined);
  }
  if (now.dtls === "closed") hangUp("The host hung up");
}

/** Asks the host for its own counters. */
async function refreshHost(current) {
  if (!current.status) return;
  let host;
  try {
    const response = await ask(current.status, { signal: AbortSignal.timeout(HOST_LIMIT_MS) });
    host = response.ok ? await response.json() : null;
  } catch {
    host = null;
  }
  if (call !== current || !host || host.over) return;
  current.host = host;
  current.told = performance.now();
  const { security, media } = host;
  put("group", security && security.group + (security.post_quantum ? " " : ""));
  element("group").classList.toggle("quantum", Boolean(security?.post_quantum));
  put("host-received", media?.packets_received);
  put("host-lost", media?.lost);
  put("host-sent", media?.packets_sent);
  put("host-lost-at-peer", media?.lost_at_peer);
  put("host-rtt", inMilliseconds(host.round_trip_ms));
  put("fingerprints", checked(current, security));
  showTimeline(current, host.timeline, host.retransmitted_flights);
  const reasons = Object.entries(host.discarded ?? {});
  const lines = reasons.map(([reason, count]) => item(`${reason}: ${count}`));
  element("dropped").replaceChildren(...(lines.length ? lines : [item("nothing")]));
}

/** Whether each side has seen the certificate that the other announced. */
function checked(current, security) {
  if (!security) return undefined;
  const same = (mine, told) => mine && mine.replace(/\s/g, "").toLowerCase() === told.replace(/\s/g, "").toLowerCase();
  const both =
    same(fingerprint(current.pc.localDescription), security.remote_fingerprint) &&
    same(fingerprint(current.pc.remoteDescription), security.local_fingerprint);
  return both ? "✓ checked by both sides" : "✗ the host saw others than these";
}

/** What happened when, in the order in which it happened. */
function showTimeline(current, host, retransmitted) {
  const answer = current.answered - current.offered;
  const events = [["your offer", 0], ["the host’s answer", answer]];
  const names = {
    first_stun: "first check (STUN)",
    ice_connected: "path found (ICE)",
    dtls_started: "handshake begun (DTLS)",
    secured: "certificates checked, keys agreed",
    first_media: "first media (SRTP)",
  };
  for (const [key, name] of Object.entries(names)) {
    if (host[key] !== null) events.push([name, answer + host[key]]);
  }
  const end = Math.max(...events.map(([, at]) => at), 1);
  const rows = events.map(([name, at]) => {
    const row = item("");
    const words = document.createElement("span");
    words.textContent = name;
    const when = document.createElement("span");
    when.className = "when";
    when.textContent = `${at.toFixed(at < 10 ? 1 : 0)} ms`;
    row.append(words, when);
    row.style.setProperty("--at", `${(at / end) * 100}%`);
    return row;
  });
  if (retransmitted) rows.push(item(`handshake flights sent again: ${retransmitted}`));
  element("timeline").replaceChildren(...rows);
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
  if (current.connected) summarize(current);
}

/** Tells the host, which may be gone already. */
function remove(current) {
  if (current.location) ask(current.location, { method: "DELETE", keepalive: true }).catch(() => {});
}

/** What a call that is over was, and its recordings when the host has closed them. */
async function summarize(current) {
  const last = current.last ?? {};
  const length = time(performance.now() - current.began);
  element("summary-text").textContent =
    `${length}; sent ${last.sent ?? 0} packets, ${last.lostSent ?? 0} of them lost; ` +
    `received ${last.received ?? 0}, ${last.lostReceived ?? 0} lost.`;
  element("recordings").replaceChildren();
  element("summary").hidden = false;
  element("levels").hidden = true;
  for (let tries = 0; tries < RECORDING_TRIES && current.status && !call; tries++) {
    await new Promise((done) => setTimeout(done, 500));
    const host = await ask(current.status).then((response) => (response.ok ? response.json() : {})).catch(() => null);
    if (!host || call) return;
    if (!host.over) continue;
    element("recordings").replaceChildren(...host.recordings.flatMap(recording));
    return;
  }
}

/** A recording to play and to keep. */
function recording({ url, problem }, number) {
  const name = number ? `Recording ${number + 1}` : "Recording";
  const player = document.createElement("audio");
  player.controls = true;
  player.preload = "metadata";
  player.src = url;
  player.setAttribute("aria-label", `${name} of what the host heard`);
  const link = document.createElement("a");
  link.href = url;
  link.download = "call.ogg";
  link.textContent = problem ? `${name} (not complete: ${problem})` : `Download ${name.toLowerCase()}`;
  return [player, link];
}

/** Why there is no call any more, in words that differ where the causes do. */
async function failed(current) {
  const silent = Math.floor((performance.now() - current.heard) / 1000);
  const ice = current.pc.iceConnectionState;
  if (current.connected) {
    hangUp(null, `The connection was lost: no answer from the host since ${silent} s.`);
    return;
  }
  if (ice === "failed") {
    hangUp(null, "No way to the host’s media port was found (ICE failed). A firewall may stop UDP.");
    return;
  }
  hangUp(null, "The security handshake failed.");
  const host = await ask(current.status).then((response) => response.json()).catch(() => ({}));
  if (call || !host.reason) return;
  const certificate = /certificate|fingerprint/i.test(host.reason);
  fail(`${certificate ? "Certificate mismatch" : "The security handshake failed"}: the host says “${host.reason}”.`);
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
  if (element("state").textContent !== text) element("state").textContent = text;
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
  element("error").hidden = element("summary").hidden = true;
  element("levels").hidden = false;
  element("duration").textContent = "";
  document.querySelectorAll("td[id]").forEach((cell) => (cell.textContent = "–"));
  element("group").classList.remove("quantum");
  put("host-says", "Host says");
  element("timeline").replaceChildren();
  element("dropped").replaceChildren(item("–"));
  Object.values(plots).forEach((plot) => plot.clear());
}

function put(id, value) {
  element(id).textContent = value ?? "–";
}

function item(text) {
  const line = document.createElement("li");
  line.textContent = text;
  return line;
}

/** Firefox counts whole milliseconds. */
function inMilliseconds(value) {
  return value === 0 ? "below 1 ms" : value && `${value.toFixed(1)} ms`;
}

function time(milliseconds) {
  const seconds = Math.floor(milliseconds / 1000);
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
}
