"""GStreamer's dtlsdec and dtlsenc, DTLS 1.2: peer.py client|server PORT DTLS PROFILE CERTIFICATE KEY GROUP"""

import os
import socket as native
import sys

import gi

gi.require_version("Gst", "1.0")
from gi.repository import Gio, GLib, Gst  # noqa: E402

role, port, _dtls, _profile, certificate, key, _group = sys.argv[1:]


def say(*words):
    print(*words, flush=True)


def address(number):
    return Gio.InetSocketAddress.new_from_string("127.0.0.1", number)


def read(path):
    with open(path, encoding="ascii") as file:
        return file.read()


Gst.init(None)
loop = GLib.MainLoop()
# One socket for both directions.
socket = Gio.Socket.new(Gio.SocketFamily.IPV4, Gio.SocketType.DATAGRAM, Gio.SocketProtocol.UDP)
is_server = role == "server"
socket.bind(address(int(port) if is_server else 0), True)
other = int(port)
if is_server:
    say("ready")
    # Who comes first is the other side. Its datagram stays where it is.
    waiting = native.socket(fileno=os.dup(socket.get_fd()))
    waiting.settimeout(10)
    other = waiting.recvfrom(1, native.MSG_PEEK)[1][1]
    waiting.close()

pipeline = Gst.parse_launch(
    "udpsrc name=source ! dtlsdec name=decoder connection-id=peer ! fakesink sync=false async=false "
    f"dtlsenc name=encoder connection-id=peer is-client={'false' if is_server else 'true'} ! "
    f"udpsink name=sink host=127.0.0.1 port={other} sync=false async=false"
)
for name in ("source", "sink"):
    pipeline.get_by_name(name).set_property("socket", socket)
    pipeline.get_by_name(name).set_property("close-socket", False)
decoder, encoder = pipeline.get_by_name("decoder"), pipeline.get_by_name("encoder")
decoder.set_property("pem", read(certificate) + read(key))


# By the numbers of GStreamer's enumerations of ciphers and authentication.
PROFILES = {(1, 2): "SRTP_AES128_CM_HMAC_SHA1_80", (1, 1): "SRTP_AES128_CM_HMAC_SHA1_32"}


def on_key(_element):
    chosen = tuple(int(encoder.get_property(name)) for name in ("srtp-cipher", "srtp-auth"))
    say("profile", PROFILES.get(chosen, chosen))
    GLib.timeout_add(800, loop.quit)


encoder.connect("on-key-received", on_key)
GLib.timeout_add_seconds(6, lambda: (say("error", "no keys in time"), loop.quit()))
pipeline.set_state(Gst.State.PLAYING)
loop.run()
pipeline.set_state(Gst.State.NULL)
