"""GStreamer's webrtcbin publishes by WHIP: `URL vp8|h264 SECONDS`. It sends a picture of 320 x 240 and a tone."""

import sys
import time
import urllib.request

import gi

gi.require_version("Gst", "1.0")
gi.require_version("GstSdp", "1.0")
gi.require_version("GstWebRTC", "1.0")
from gi.repository import Gst, GstSdp, GstWebRTC  # noqa: E402

Gst.init(None)

VIDEO = {
    "vp8": "vp8enc deadline=1 keyframe-max-dist=15 ! rtpvp8pay pt=96 ! application/x-rtp,media=video,encoding-name=VP8,payload=96",
    "h264": "openh264enc gop-size=15 ! video/x-h264,profile=constrained-baseline ! rtph264pay pt=96 config-interval=-1 aggregate-mode=zero-latency "
    "! application/x-rtp,media=video,encoding-name=H264,payload=96",
}


def pipeline(codec):
    return Gst.parse_launch(
        "webrtcbin name=peer bundle-policy=max-bundle "
        f"videotestsrc is-live=true ! video/x-raw,format=I420,width=320,height=240,framerate=15/1 ! {VIDEO[codec]} ! peer. "
        "audiotestsrc is-live=true freq=440 volume=0.3 ! audio/x-raw,rate=48000,channels=2 ! opusenc ! rtpopuspay pt=97 "
        "! application/x-rtp,media=audio,encoding-name=OPUS,payload=97 ! peer."
    )


def ask(element, action, *arguments):
    """What an action of webrtcbin promises."""
    promise = Gst.Promise.new()
    element.emit(action, *arguments, promise)
    promise.wait()
    return promise, promise.get_reply()


def publish(url, codec, seconds):
    sending = pipeline(codec)
    peer = sending.get_by_name("peer")
    sending.set_state(Gst.State.PLAYING)
    # The tracks are there once their caps have come.
    time.sleep(1)
    for index in range(2):
        peer.emit("get-transceiver", index).set_property("direction", GstWebRTC.WebRTCRTPTransceiverDirection.SENDONLY)
    _promise, reply = ask(peer, "create-offer", None)
    ask(peer, "set-local-description", reply.get_value("offer"))
    while peer.get_property("ice-gathering-state") != GstWebRTC.WebRTCICEGatheringState.COMPLETE:
        time.sleep(0.05)
    offer = peer.get_property("local-description").sdp.as_text()
    request = urllib.request.Request(url, offer.encode(), {"Content-Type": "application/sdp"})
    answer = urllib.request.urlopen(request, timeout=5).read()
    _, message = GstSdp.SDPMessage.new()
    GstSdp.sdp_message_parse_buffer(answer, message)
    ask(peer, "set-remote-description", GstWebRTC.WebRTCSessionDescription.new(GstWebRTC.WebRTCSDPType.ANSWER, message))
    time.sleep(seconds)


publish(sys.argv[1], sys.argv[2], float(sys.argv[3]))
