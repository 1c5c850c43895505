"""The command `fieldpost-gateway`: serve, keys, devices, migrate, adopt, sweep, openapi."""

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from gateway import cli_bounds, cli_phones, cli_webhooks
from gateway.errors import GatewayError

_EXIT_STATUS = """\
exit status:
  0    ok
  1    failed, see the message
  2    usage
  75   try again (another gateway serves this folder, the database is busy)
  78   configuration invalid, or the database is of another version
  130  interrupted

environment:
  FIELDPOST_GATEWAY_DATA, _LISTEN, _PUBLIC_URL    as the flags
  FIELDPOST_GATEWAY_SIGNING_KEY_FILE              secret of signed URLs (DATA/signing-key)
  FIELDPOST_GATEWAY_URL_TTL_S, _IDLE_S, _DRAIN_S  times in seconds (3600, 60, 10)
  FIELDPOST_GATEWAY_MAX_MEDIUM_BYTES, _MAX_SESSIONS  limits (17179869184, 1024)
  FIELDPOST_GATEWAY_DATABASE, _DATABASE_FILE      postgresql://… (a file in DATA)
  FIELDPOST_GATEWAY_OBJECTS                       filesystem, s3://BUCKET or gs://BUCKET
  FIELDPOST_GATEWAY_SWEEP_AGE_S, _SWEEP_EVERY_S   of abandoned uploads (30 days, hourly)
  FIELDPOST_GATEWAY_NATS_URL, _EVENTS_KEEP_DAYS   a stream of events (none), their keeping (30)
  FIELDPOST_GATEWAY_RATE_DEVICE_PER_MIN, _RATE_KEY_PER_MIN  requests a minute (600, 6000)
  FIELDPOST_GATEWAY_RETENTION_DAYS, _AUDIT_DAYS   how long things are kept (for ever, 400)

docs: docs/gateway.md
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command and say how it ended, as an exit status."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if arguments.command == "man":
        from gateway import manual  # noqa: PLC0415 - only where it is asked for

        page = manual.page(parser, _EXIT_STATUS)
        _show({"text": page}, [page], as_json=arguments.json)
        return 0
    try:
        # Deferred: `--help` and wrong usage must not wait for SQLAlchemy and aiohttp.
        from gateway import commands  # noqa: PLC0415 - see above

        outcome = asyncio.run(commands.run(arguments, _ready(arguments)))
    except GatewayError as error:
        _complain(error, as_json=arguments.json)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    if outcome is not None:
        _show(outcome.document, outcome.lines, as_json=arguments.json)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = _new_parser(
        argparse.ArgumentParser,
        prog="fieldpost-gateway",
        purpose="A self-hostable server of the Bota-style upload API.",
        examples=(
            "fieldpost-gateway serve --data /srv/fieldpost --listen 127.0.0.1:8470",
            "fieldpost-gateway devices add AM-07 --data /srv/fieldpost",
            "fieldpost-gateway keys add --name backend --data /srv/fieldpost",
        ),
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")

    serve = _command(
        commands,
        "serve",
        "Serve the API until SIGTERM; a new data folder is set up by itself.",
        "fieldpost-gateway serve --data /srv/fieldpost --listen 127.0.0.1:8470",
        "fieldpost-gateway serve --public-url https://gateway.example.org",
    )
    serve.add_argument("--listen", metavar="HOST:PORT", help="default 127.0.0.1:8470; 0 = any port")
    serve.add_argument(
        "--public-url", metavar="URL", help="this gateway as clients see it, behind a TLS proxy"
    )

    keys = _group(
        commands,
        "keys",
        "API keys: of servers that use the gateway, and of people in its console.",
        "fieldpost-gateway keys add --name 'Ada, console'",
        "fieldpost-gateway keys ls",
    )
    add = _command(
        keys,
        "add",
        "Make an API key and print it, once.",
        "fieldpost-gateway keys add --name backend",
        "fieldpost-gateway keys add --scopes recordings:read,devices:read",
    )
    add.add_argument("--name", default="", help="what it is for")
    add.add_argument("--scopes", metavar="A,B", help="only these (default: all)")
    _command(keys, "ls", "List API keys.", "fieldpost-gateway keys ls --json")
    revoke = _command(keys, "revoke", "Revoke an API key.", "fieldpost-gateway keys revoke key_…")
    revoke.add_argument("key", metavar="KEY_ID")

    devices = _group(
        commands,
        "devices",
        "Recorder boxes that may upload.",
        "fieldpost-gateway devices add AM-07",
        "fieldpost-gateway devices code AM-07",
    )
    add = _command(
        devices,
        "add",
        "Register a device and print its token, once.",
        "fieldpost-gateway devices add AM-07",
        "fieldpost-gateway devices add AM-07 --rotate",
    )
    add.add_argument("serial", metavar="SERIAL")
    add.add_argument(
        "--rotate", action="store_true", help="if it exists: give a new token, revoke the old ones"
    )
    _command(devices, "ls", "List devices.", "fieldpost-gateway devices ls --json")
    code = _command(
        devices,
        "code",
        "Make a one-time code that gives a box this device's token, within 15 minutes.",
        "fieldpost-gateway devices code AM-07",
    )
    code.add_argument("device", metavar="SERIAL|DEVICE_ID")
    revoke = _command(
        devices,
        "revoke",
        "Revoke all tokens of a device; its recordings stay.",
        "fieldpost-gateway devices revoke AM-07",
    )
    revoke.add_argument("device", metavar="SERIAL|DEVICE_ID")

    _command(
        commands,
        "migrate",
        "Bring the database to this version; back up the data folder first.",
        "fieldpost-gateway migrate --data /srv/fieldpost",
    )
    _command(
        commands,
        "adopt",
        "Let this folder's signing key and object store be those of all gateways at the database.",
        "fieldpost-gateway adopt --data /srv/fieldpost",
    )
    sweep = _command(
        commands,
        "sweep",
        "Give up what nobody finishes; a gateway that serves does so by itself.",
        "fieldpost-gateway sweep --dry-run --data /srv/fieldpost",
    )
    sweep.add_argument("--dry-run", action="store_true", help="only say what would go")
    cli_webhooks.add(commands, _command, _group)
    cli_bounds.add(commands, _command, _group)
    cli_phones.add(commands, _command, _group)
    _command(
        commands,
        "openapi",
        "Print the description of the API (OpenAPI 3.1).",
        "fieldpost-gateway openapi > openapi.json",
    )
    _command(
        commands, "man", "Print the manual page.", "fieldpost-gateway man > fieldpost-gateway.1"
    )
    return parser


def _group(commands: Any, name: str, purpose: str, *examples: str) -> Any:
    parser = _new_parser(
        commands.add_parser, name=name, purpose=purpose, examples=examples, help=purpose
    )
    return parser.add_subparsers(dest="action", required=True, metavar="ACTION")


def _command(commands: Any, name: str, purpose: str, *examples: str) -> argparse.ArgumentParser:
    parser = _new_parser(
        commands.add_parser, name=name, purpose=purpose, examples=examples, help=purpose
    )
    parser.add_argument("--data", metavar="DIR", help="data folder (/var/lib/fieldpost-gateway)")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    return parser


def _new_parser(
    make: Any, *, purpose: str, examples: Sequence[str], name: str | None = None, **more: Any
) -> argparse.ArgumentParser:
    shown = "\n".join(f"  {example}" for example in examples)
    parser: argparse.ArgumentParser = make(
        *([name] if name else []),
        description=f"{purpose}\n\nexamples:\n{shown}",
        epilog=_EXIT_STATUS,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        **more,
    )
    return parser


def _ready(arguments: argparse.Namespace) -> Any:
    def ready(url: str, wrong: str | None) -> None:
        document = {"event": "ready", "url": url, "base_url": f"{url}/v1"}
        line = f"fieldpost-gateway ready on {url} (base_url {url}/v1)"
        if wrong is not None:
            document |= {"event": "not-ready", "objects": wrong}
            line = f"fieldpost-gateway NOT ready on {url} (base_url {url}/v1): {wrong}"
        _show(document, [line], as_json=arguments.json)

    return ready


def _show(document: dict[str, Any], lines: Sequence[str], *, as_json: bool) -> None:
    try:
        if as_json:
            print(json.dumps({"schema": 1, **document}), flush=True)
        else:
            for line in lines:
                print(line, flush=True)
    except BrokenPipeError:  # whoever read has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _complain(error: GatewayError, *, as_json: bool) -> None:
    if as_json:
        fields = {
            "error": error.code.replace("_", "-"),
            "message": str(error),
            "hint": error.hint,
            "exit_code": error.exit_code,
        }
        print(json.dumps(fields), file=sys.stderr)
        return
    print(f"fieldpost-gateway: {error}", file=sys.stderr)
    if error.hint:
        print(f"  try: {error.hint}", file=sys.stderr)


if __name__ == "__main__":
    sys.exit(main())
