"""aiortc: `offer URL SECONDS` or `answer PORT SECONDS`. It sends back what it hears."""

import asyncio
import sys
import urllib.request

from aiortc import MediaStreamTrack, RTCConfiguration, RTCPeerConnection, RTCSessionDescription


class Echo(MediaStreamTrack):
    """The track that is received, once there is one."""

    kind = "audio"

    def __init__(self):
        super().__init__()
        self.heard = asyncio.get_running_loop().create_future()

    async def recv(self):
        return await (await self.heard).recv()


def say(*words):
    print(*words, flush=True)


async def offer(pc, url):
    await pc.setLocalDescription(await pc.createOffer())
    request = urllib.request.Request(url, pc.localDescription.sdp.encode(), {"Content-Type": "application/sdp"})
    response = await asyncio.to_thread(lambda: urllib.request.urlopen(request, timeout=5).read())
    await pc.setRemoteDescription(RTCSessionDescription(response.decode(), "answer"))


async def answer(pc, port):
    done = asyncio.get_running_loop().create_future()

    async def serve(reader, writer):
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        length = next((int(line[15:]) for line in head.splitlines() if line.lower().startswith("content-length:")), 0)
        sdp = (await reader.readexactly(length)).decode()
        if head.startswith("POST"):
            await pc.setRemoteDescription(RTCSessionDescription(sdp, "offer"))
            await pc.setLocalDescription(await pc.createAnswer())
            body = pc.localDescription.sdp.encode()
            start = "HTTP/1.1 201 Created\r\nContent-Type: application/sdp\r\nLocation: /call\r\n"
            writer.write(f"{start}Content-Length: {len(body)}\r\n\r\n".encode() + body)
            await writer.drain()
            done.set_result(None)
        writer.close()

    await asyncio.start_server(serve, "127.0.0.1", port)
    say("ready")
    await done


async def main(mode, target, seconds):
    pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
    echo = Echo()
    pc.addTrack(echo)
    pc.on("track", lambda track: echo.heard.set_result(track))
    await (offer(pc, target) if mode == "offer" else answer(pc, int(target)))
    for _ in range(200):
        if pc.connectionState == "connected":
            break
        await asyncio.sleep(0.05)
    if pc.connectionState != "connected":
        say("error the call is", pc.connectionState)
        sys.exit(1)
    say("connected")
    say("suite", pc.getTransceivers()[0].sender.transport._ssl.get_cipher_name())
    await asyncio.sleep(seconds)
    for stat in (await pc.getStats()).values():
        if stat.type == "outbound-rtp":
            say("sent", stat.packetsSent)
        if stat.type == "inbound-rtp":
            say("received", stat.packetsReceived)
    await pc.close()


asyncio.run(main(sys.argv[1], sys.argv[2], float(sys.argv[3])))
