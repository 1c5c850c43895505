"""The same from NATS JetStream: many of these share the work of one durable consumer.

    python consumer_nats.py --nats nats://127.0.0.1:4222 --folder recordings \
        --api http://127.0.0.1:8470/v1 --key-file rk.txt

A message is acknowledged when its media are on disk; one whose worker dies comes again, to another
worker. URLs in the stream end after an hour, so fresh ones are asked for with an API key that has
`recordings:read`. It needs `pip install nats-py`.
"""

import argparse
import asyncio
import json
import urllib.error
import urllib.request
from pathlib import Path
from typing import Any

import nats
from consumer import FETCH_S, Inbox
from nats.errors import TimeoutError as NothingNew

SUBJECT = "fieldpost.recording.uploaded"
AGAIN_S = 30
WORK_S = 300


def freshen(event: dict[str, Any], api: str, key: str) -> None:
    """Put URLs into an event that are good now.

    Raises:
        OSError: The gateway does not answer, or refuses.
    """
    data = event["data"]
    for medium in data["media"]:
        request = urllib.request.Request(  # noqa: S310 - our gateway's address
            f"{api}/recordings/{data['id']}/download-url",
            data=json.dumps({"media_id": medium["id"]}).encode(),
            headers={"Authorization": f"Bearer {key}", "Content-Type": "application/json"},
        )
        try:
            with urllib.request.urlopen(request, timeout=FETCH_S) as answer:  # noqa: S310 - as above
                medium["download_url"] = json.load(answer)["download_url"]
        except urllib.error.HTTPError as error:
            if error.code != 404:  # noqa: PLR2004 - deleted meanwhile
                raise
            medium["download_url"] = None


async def consume(arguments: argparse.Namespace, inbox: Inbox) -> None:
    """Take what is new, again and again."""
    key = arguments.key_file.read_text().strip()
    client = await nats.connect(arguments.nats)
    pull = await client.jetstream().pull_subscribe(
        SUBJECT,
        durable=arguments.durable,
        stream=arguments.stream,
        config=nats.js.api.ConsumerConfig(ack_wait=WORK_S),
    )
    print("ready", flush=True)
    while True:
        try:
            messages = await pull.fetch(1, timeout=5)
        except NothingNew:
            continue
        for message in messages:
            event = json.loads(message.data)
            try:
                await asyncio.to_thread(freshen, event, arguments.api, key)
                fresh = await asyncio.to_thread(inbox.take, event)
            except (OSError, ValueError) as error:
                print(f"{event['id']} waits: {error}", flush=True)
                await message.nak(delay=AGAIN_S)
            else:
                # Waits until the server has it: only then it does not come again.
                await message.ack_sync()
                print(f"{event['id']} {event['type']} {'done' if fresh else 'known'}", flush=True)


def main() -> None:
    """Consume until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--nats", default="nats://127.0.0.1:4222")
    parser.add_argument("--stream", default="FIELDPOST")
    parser.add_argument("--durable", default="keeper")
    parser.add_argument("--api", required=True)
    parser.add_argument("--key-file", type=Path, required=True)
    parser.add_argument("--folder", type=Path, default=Path("recordings"))
    arguments = parser.parse_args()
    asyncio.run(consume(arguments, Inbox(arguments.folder)))


if __name__ == "__main__":
    main()
