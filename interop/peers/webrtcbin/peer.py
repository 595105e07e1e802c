"""GStreamer's webrtcbin: `offer URL SECONDS` or `answer PORT SECONDS`. It sends a tone and tells which it hears."""

import array
import http.server
import math
import os
import sys
import threading
import time
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC  # noqa: E402

Gst.init(None)

TONE = 440
RATE = 48000
SENDS = (
    f"webrtcbin name=peer bundle-policy=max-bundle audiotestsrc is-live=true freq={TONE} volume=0.3 ! audio/x-raw,rate={RATE},channels=2 "
    "! opusenc ! rtpopuspay pt=111 ! application/x-rtp,media=audio,encoding-name=OPUS,payload=111 ! peer."
)
HEARS = f"rtpopusdepay ! opusdec ! audioconvert ! audio/x-raw,format=S16LE,rate={RATE},channels=1 ! appsink name=sink emit-signals=true sync=false"


def say(*words):
    print(*words, flush=True)


def ask(element, action, *arguments):
    """What an action of webrtcbin promises."""
    promise = Gst.Promise.new()
    element.emit(action, *arguments, promise)
    promise.wait()
    return promise, promise.get_reply()


def description(kind, sdp):
    _, message = GstSdp.SDPMessage.new()
    GstSdp.sdp_message_parse_buffer(sdp.encode(), message)
    return GstWebRTC.WebRTCSessionDescription.new(kind, message)


class Call:
    def __init__(self):
        self.pipeline = Gst.parse_launch(SENDS)
        self.peer = self.pipeline.get_by_name("peer")
        self.peer.connect("pad-added", self.hear)
        self.samples = array.array("h")
        self.pipeline.set_state(Gst.State.PLAYING)
        # The track is there once its caps have come.
        time.sleep(0.5)

    def hear(self, _, pad):
        if pad.get_direction() != Gst.PadDirection.SRC:
            return
        receiver = Gst.parse_bin_from_description(HEARS, True)
        receiver.get_by_name("sink").connect("new-sample", self.take)
        self.pipeline.add(receiver)
        receiver.sync_state_with_parent()
        pad.link(receiver.get_static_pad("sink"))

    def take(self, sink):
        buffer = sink.emit("pull-sample").get_buffer()
        self.samples.frombytes(buffer.extract_dup(0, buffer.get_size()))
        return Gst.FlowReturn.OK

    def describe(self, kind):
        """Our offer or answer, with all its candidates."""
        # The description is a part of the reply, which is one of the promise.
        _promise, reply = ask(self.peer, f"create-{kind}", None)
        ask(self.peer, "set-local-description", reply.get_value(kind))
        while self.peer.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
            time.sleep(0.05)
        return self.peer.get_property("local-description").sdp.as_text()

    def offer(self, url):
        request = urllib.request.Request(url, self.describe("offer").encode(), {"Content-Type": "application/sdp"})
        answer = urllib.request.urlopen(request, timeout=5).read().decode()
        ask(self.peer, "set-remote-description", description(GstWebRTC.WebRTCSDPType.ANSWER, answer))

    def answer(self, sdp):
        ask(self.peer, "set-remote-description", description(GstWebRTC.WebRTCSDPType.OFFER, sdp))
        return self.describe("answer")

    def frequency(self):
        """The loudest frequency of the last second."""
        last = self.samples[-RATE // 2 :]

        def power(hertz):
            turn = 2 * math.pi * hertz / RATE
            real = sum(sample * math.cos(turn * n) for n, sample in enumerate(last))
            imaginary = sum(sample * math.sin(turn * n) for n, sample in enumerate(last))
            return real**2 + imaginary**2

        return max(range(200, 2001, 40), key=power)


def serve(call, port):
    answered = threading.Event()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            answer = call.answer(self.rfile.read(int(self.headers["Content-Length"])).decode()).encode()
            self.send_response(201)
            self.send_header("Content-Type", "application/sdp")
            self.send_header("Location", "/call")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)
            answered.set()

        def log_message(self, *_):
            pass

    server = http.server.ThreadingHTTPServer(("127.0.0.1", port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    say("ready")
    answered.wait()


def main(mode, target, seconds):
    call = Call()
    if mode == "offer":
        call.offer(target)
    else:
        serve(call, int(target))
    for _ in range(200):
        if call.peer.get_property("connection-state") == GstWebRTC.WebRTCPeerConnectionState.CONNECTED:
            break
        time.sleep(0.05)
    else:
        say("error the call is", call.peer.get_property("connection-state").value_nick)
        return 1
    say("connected")
    time.sleep(seconds)
    # Opus packets of 20 ms.
    say("received", len(call.samples) * 50 // RATE)
    say("heard", call.frequency())
    return 0


# The pipeline's threads are not waited for.
os._exit(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
