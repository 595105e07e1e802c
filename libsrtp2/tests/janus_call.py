"""Calls of aiortc with a Janus server: the echo test, and a video room of three. Prints what was heard.

janus_call.py URL echo|room
"""

import asyncio
import contextlib
import json
import sys
import urllib.request

from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, MediaStreamError, VideoStreamTrack

FRAMES = 100
DEADLINE = 60


class Session:
    """A session of Janus' HTTP interface, polled for events."""

    def __init__(self, url):
        self.url = url
        self.handles = {}

    async def post(self, path, body):
        body["transaction"] = "t"

        def send():
            request = urllib.request.Request(self.url + path, json.dumps(body).encode(), {"Content-Type": "application/json"})
            return json.load(urllib.request.urlopen(request, timeout=30))

        return await asyncio.to_thread(send)

    async def start(self):
        self.id = (await self.post("", {"janus": "create"}))["data"]["id"]
        self.poller = asyncio.create_task(self.poll())

    async def poll(self):
        def get():
            return json.load(urllib.request.urlopen(f"{self.url}/{self.id}?maxev=1", timeout=60))

        while True:
            event = await asyncio.to_thread(get)
            if event.get("janus") == "event" and event["sender"] in self.handles:
                self.handles[event["sender"]].put_nowait(event)

    async def attach(self, plugin):
        answer = await self.post(f"/{self.id}", {"janus": "attach", "plugin": plugin})
        handle = Handle(self, answer["data"]["id"])
        self.handles[handle.id] = handle.events
        return handle


class Handle:
    def __init__(self, session, id):
        self.session, self.id, self.events = session, id, asyncio.Queue()

    async def ask(self, body, description=None, described=False):
        """The first event that answers; with `described`, the first that has a description."""
        message = {"janus": "message", "body": body}
        if description:
            message["jsep"] = {"type": description.type, "sdp": description.sdp}
        await self.session.post(f"/{self.session.id}/{self.id}", message)
        while True:
            event = await asyncio.wait_for(self.events.get(), DEADLINE)
            if "error" in event["plugindata"]["data"]:
                raise RuntimeError(event["plugindata"]["data"]["error"])
            if "jsep" in event or not described:
                return event


def counting(peer):
    """Counts the frames that come, by kind."""
    heard = {}

    @peer.on("track")
    def on_track(track):
        async def receive():
            with contextlib.suppress(MediaStreamError):
                while True:
                    await track.recv()
                    heard[track.kind] += 1

        heard[track.kind] = 0
        asyncio.ensure_future(receive())

    return heard


async def enough(heard, kinds):
    while any(heard.get(kind, 0) < FRAMES for kind in kinds):
        await asyncio.sleep(0.1)


async def offer(handle, body):
    peer = RTCPeerConnection()
    heard = counting(peer)
    peer.addTrack(AudioStreamTrack())
    peer.addTrack(VideoStreamTrack())
    await peer.setLocalDescription(await peer.createOffer())
    event = await handle.ask(body, peer.localDescription, described=True)
    await peer.setRemoteDescription(RTCSessionDescription(**{k: event["jsep"][k] for k in ("sdp", "type")}))
    return peer, heard


async def echo(session):
    handle = await session.attach("janus.plugin.echotest")
    peer, heard = await offer(handle, {"audio": True, "video": True})
    await asyncio.wait_for(enough(heard, ["audio", "video"]), DEADLINE)
    await peer.close()
    print(f"echo: {heard['audio']} frames of sound and {heard['video']} pictures came back")


async def room(session):
    peers, feeds = [], []
    for name in "abc":
        handle = await session.attach("janus.plugin.videoroom")
        joined = await handle.ask({"request": "join", "ptype": "publisher", "room": 1234, "display": name})
        feeds.append(joined["plugindata"]["data"]["id"])
        peer, _ = await offer(handle, {"request": "publish"})
        peers.append(peer)
    await asyncio.sleep(3)
    total = 0
    for own in feeds:
        for feed in feeds:
            if feed == own:
                continue
            handle = await session.attach("janus.plugin.videoroom")
            event = await handle.ask({"request": "join", "ptype": "subscriber", "room": 1234, "streams": [{"feed": feed}]}, described=True)
            peer = RTCPeerConnection()
            heard = counting(peer)
            await peer.setRemoteDescription(RTCSessionDescription(**{k: event["jsep"][k] for k in ("sdp", "type")}))
            await peer.setLocalDescription(await peer.createAnswer())
            await handle.ask({"request": "start"}, peer.localDescription)
            await asyncio.wait_for(enough(heard, ["audio"]), DEADLINE)
            peers.append(peer)
            total += 1
    for peer in peers:
        await peer.close()
    print(f"room: 3 participants, {total} streams heard, {FRAMES} frames of sound or more in each")


async def main():
    session = Session(sys.argv[1])
    await session.start()
    await {"echo": echo, "room": room}[sys.argv[2]](session)
    with open("/proc/self/maps") as maps:
        loaded = {line.split()[-1] for line in maps if "libsrtp2.so" in line}
    print("aiortc has " + ", ".join(sorted(loaded)))
    session.poller.cancel()


asyncio.run(main())
