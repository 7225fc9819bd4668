"""Two WebRTC participants that talk to each other directly for some seconds. Needs aiortc."""

import asyncio
import sys

from aiortc import RTCConfiguration, RTCPeerConnection
from aiortc.contrib.media import MediaBlackhole
from aiortc.mediastreams import AudioStreamTrack


async def main(seconds: float) -> None:
    caller, callee = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
    sink = MediaBlackhole()
    callee.on("track", sink.addTrack)
    caller.addTrack(AudioStreamTrack())
    callee.addTrack(AudioStreamTrack())
    await caller.setLocalDescription(await caller.createOffer())
    await callee.setRemoteDescription(caller.localDescription)
    await callee.setLocalDescription(await callee.createAnswer())
    await caller.setRemoteDescription(callee.localDescription)
    await sink.start()
    await asyncio.sleep(seconds)
    await asyncio.gather(caller.close(), callee.close(), sink.stop())


asyncio.run(main(float(sys.argv[1])))
