"""How a tunnel ends: the codes of TUNNEL.md, and the sentence that goes with each."""

import asyncio

from aiohttp import web

from gateway.core.tunnel import MAX_FRAME_BYTES, SUBPROTOCOL, Error, encode_text

SEND_S = 30.0
"""For one frame to leave."""
CLOSE_S = 2.0

NORMAL, RESTARTING, CROWDED = 1000, 1012, 1013
GARBLED, UNPAIRED, CLOGGED, TAKEN_OVER, OUTDATED = 4400, 4401, 4408, 4409, 4426

SAID = {
    RESTARTING: "The gateway restarts: this page comes back by itself.",
    CROWDED: "Too many phones are connected: this page tries again by itself.",
    GARBLED: "This page is of another release: load it anew.",
    UNPAIRED: "This phone is not paired with the gateway: ask for a code.",
    CLOGGED: "The phone's network is too slow now: this page comes back by itself.",
    TAKEN_OVER: "This phone syncs in a newer page: close this one.",
    OUTDATED: "This page is of another release: load it anew.",
}


def socket() -> web.WebSocketResponse:
    """Make the WebSocket of a tunnel; pongs are seen here, because nobody else counts them."""
    return web.WebSocketResponse(
        protocols=(SUBPROTOCOL,),
        max_msg_size=MAX_FRAME_BYTES + 1,
        autoping=False,
        compress=False,
        timeout=CLOSE_S,
    )


async def end_with(ws: web.WebSocketResponse, code: int) -> None:
    """End a WebSocket, and tell the page why where it can see that: not in a handshake."""
    try:
        async with asyncio.timeout(SEND_S):
            if code in SAID:
                await ws.send_str(encode_text(Error(code=code, message=SAID[code])))
            await ws.close(code=code)
    except (ConnectionError, TimeoutError):
        return
