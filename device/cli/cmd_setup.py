"""`fieldpost setup`: from a box that was just installed to an agent that carries recordings."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from device.cli import setup_cloud, setup_files, setup_recorders, setup_token
from device.cli.invocation import Invocation
from device.cli.outcome import Stopped
from device.cli.output import document
from device.cli.setup_cloud import CloudName
from device.cli.setup_plan import Plan, Sources, at_home, plan
from device.cli.setup_talk import Talk, columns
from device.cli.setup_token import Credential, Given
from device.config import CloudConfig, Config
from device.errors import LinkUnavailable, UsageInvalid

if TYPE_CHECKING:
    from device.cli.around import Around
    from device.cli.setup_outcome import Outcome
    from device.config_file import Loaded
    from device.doctor import Result

EXAMPLES = (
    ("fieldpost setup", "ask for everything; a second time, from what is there"),
    ("fieldpost setup --dry-run", "ask, and show what would be written"),
    (
        "fieldpost setup --yes --base-url https://gw.example.org/v1 --code K7QF-2MXP",
        "for provisioning scripts: nobody is asked",
    ),
)
SCAN_S = 5.0
CHECKS = frozenset(
    {
        "config-valid",
        "spool-writable",
        "serial-permission",
        "serial-open",
        "bluetooth-adapter",
        "bluez-version",
        "recorder-visible",
        "folder-readable",
        "dns",
        "gateway-tls",
        "gateway-auth",
        "clock-skew",
    }
)
"""Those of `doctor` that tell whether what was just written works; the others look at a life."""


def arguments(parser: ArgumentParser) -> None:
    """Declare the command's own options."""
    parser.add_argument("--cloud", choices=tuple(map(str, CloudName)), help="where recordings go")
    parser.add_argument(
        "--base-url", metavar="URL", help="address of the gateway, or of another cloud's API"
    )
    parser.add_argument("--end-user-id", metavar="ID", help="siro: whose recordings these are")
    parser.add_argument(
        "--recorder",
        metavar="URL",
        action="append",
        default=[],
        help="add this recorder, or the folder of this path; may be repeated",
    )
    parser.add_argument(
        "--release",
        metavar="HOW",
        help="of all recorders, after the receipt: delete, keep, or archive:/path (folders)",
    )
    token = parser.add_mutually_exclusive_group()
    token.add_argument(
        "--token-file",
        metavar="FILE",
        type=Path,
        help="take the token from here; - is standard input",
    )
    token.add_argument("--code", metavar="CODE", help="get the token for a code of your gateway")
    parser.add_argument(
        "--yes", action="store_true", help="ask nothing; what no option says stays as it is"
    )
    parser.add_argument(
        "--no-start", action="store_true", help="neither start nor restart the agent"
    )
    parser.add_argument(
        "--dry-run", action="store_true", help="write, send and start nothing; show what would be"
    )


def main(args: Namespace, call: Invocation) -> int:
    """Ask everything, then write, then try it out, then start the agent."""
    call.start_logs()
    if call.no_input and not (args.yes or args.dry_run):
        raise UsageInvalid("where nobody is asked, somebody has to agree", hint="add --yes")
    if args.token_file == Path("-") and not (args.yes or call.no_input):
        raise UsageInvalid("standard input cannot bring answers and a token", hint="add --yes")
    asks = not (args.yes or call.no_input)
    talk = Talk(asks=asks, quiet=not asks and call.quiet)
    with _told("nothing was changed"):
        decided = _decide(args, call, talk)
    outcome = _do(decided, args, call, talk)
    if call.json:
        document(outcome.as_object())
    else:
        width = columns() - 1 if sys.stdout.isatty() else 80
        print("\n".join(outcome.lines(width, colour=call.coloured(sys.stdout))))
    return outcome.exit_code


@dataclass(frozen=True, slots=True, kw_only=True)
class _Decided:
    """All answers."""

    plan: Plan
    credential: Credential
    starts: bool


@contextmanager
def _told(changed: str) -> Iterator[None]:
    """Tell whoever types Ctrl-C how far it has come."""
    try:
        yield
    except KeyboardInterrupt as interrupt:
        sys.stderr.write("\n")
        raise Stopped(f"interrupted; {changed}") from interrupt


def _decide(args: Namespace, call: Invocation, talk: Talk) -> _Decided:
    """Ask everything; nothing is written."""
    sources = Sources(environ=call.environ, file=call.config_file)
    loaded = _present(sources)
    if not args.dry_run:
        setup_files.check_writable(sources.target)
    if talk.asks:
        talk.say("Enter takes what is in brackets. Ctrl-C leaves everything as it is.")
    present = at_home(loaded, call.config_file)
    recorders = setup_recorders.decide(
        present, args.recorder, args.release, talk, lambda: _look(present, talk)
    )
    cloud = setup_cloud.decide(
        replace(loaded, config=present),
        setup_cloud.Wishes(
            name=CloudName(args.cloud) if args.cloud else None,
            base_url=args.base_url,
            end_user_id=args.end_user_id,
        ),
        talk,
        lambda cloud: _who_answers(cloud, present, call),
    )
    wishes = setup_token.Wishes(file=args.token_file, code=args.code)
    credential = setup_token.decide(cloud, loaded.config.cloud, wishes, talk, call)
    planned = plan(sources, loaded, replace(present, recorders=recorders, cloud=cloud))
    if not call.json or talk.asks:
        talk.say()
        talk.show(planned.page.diff() or f"{planned.page.file} stays as it is.")
    starts = not args.no_start
    if talk.asks and not args.dry_run:
        talk.say()
        if planned.page.changed and not talk.yes("Write this?", default=True, option="--yes"):
            raise Stopped("nothing was changed")
        if starts and call.config_file is None:
            starts = talk.yes("Start the agent then?", default=True, option="--no-start")
    return _Decided(plan=planned, credential=credential, starts=starts)


def _do(decided: _Decided, args: Namespace, call: Invocation, talk: Talk) -> "Outcome":
    from device.cli import setup_outcome  # noqa: PLC0415 - `setup --help` needs none of it

    page, given = decided.plan.page, decided.credential.given
    outcome = setup_outcome.Outcome(
        config=decided.plan.loaded.config,
        page=page,
        given=given,
        dry_run=args.dry_run,
        file=call.config_file,
    )
    if args.dry_run:
        return outcome
    new_token = given in {Given.TOKEN, Given.CODE}
    if new_token:
        talk.say("Asking the cloud about the token …")
    with _told("nothing was changed"):
        kept = _write(decided, call)
    with _told("the configuration is written; what comes after it is not done: run setup again"):
        talk.say("Trying it out …")
        outcome = replace(outcome, kept=kept, checks=_tried(call))
        changed = page.changed or new_token
        return _started(outcome, talk, starts=decided.starts, changed=changed)


def _started(outcome: "Outcome", talk: Talk, *, starts: bool, changed: bool) -> "Outcome":
    from device.cli import setup_outcome, setup_unit  # noqa: PLC0415 - as above

    if outcome.file is not None:  # which the unit does not read
        return outcome
    unit = setup_unit.Unit.look()
    state = setup_unit.UnitState.SKIPPED
    if not unit.installed:
        state = setup_unit.UnitState.NOT_INSTALLED
    elif starts:
        talk.say("Starting the agent …")
        try:
            state = unit.start(changed=changed)
        except setup_unit.UnitFailed as error:
            return replace(outcome, unit=setup_unit.UnitState.FAILED, failure=error)
    return replace(outcome, unit=state, commands=setup_outcome.commands(unit, state))


def _present(sources: Sources) -> "Loaded":
    if sources.file is not None and not sources.file.exists():
        # A file that is to be made says nothing yet.
        return sources.load(setup_files.Page(file=sources.target, before=None, after=""))
    return sources.load()


def _look(config: Config, talk: Talk) -> "Around | None":
    import asyncio  # noqa: PLC0415 - needed only to look

    from device.cli import around  # noqa: PLC0415 - it imports the links

    talk.say(f"Looking for recorders, {SCAN_S:.0f} s …")
    look = around.look_around(config, ble=True, serial=True, adapter=None, seconds=SCAN_S)
    try:
        found = asyncio.run(look)
    except LinkUnavailable as error:
        talk.trouble(error)
        return None
    if found.problem:
        talk.trouble(found.problem)
    return found


def _who_answers(cloud: CloudConfig, config: Config, call: Invocation) -> str:
    import asyncio  # noqa: PLC0415 - needed only to ask

    from device.cli import setup_gateway  # noqa: PLC0415 - it imports HTTP

    return asyncio.run(setup_gateway.who_answers(cloud, config.network, call.environ))


def _write(decided: _Decided, call: Invocation) -> Path | None:
    """Put configuration and token in place, both or neither; return where the earlier one is kept.

    Raises:
        CloudError: The token is refused, or the code; nothing was changed.
    """
    import asyncio  # noqa: PLC0415 - needed here alone

    from device import enrolment  # noqa: PLC0415 - it imports HTTP

    config, credential, page = decided.plan.loaded.config, decided.credential, decided.plan.page

    now = datetime.now(UTC)
    token = credential.text
    if credential.given is Given.CODE:
        token = asyncio.run(enrolment.redeem(config, token))
    with setup_files.written(page, now) as kept:
        if token:
            asyncio.run(enrolment.keep(config, token, call.environ))
    return kept


def _tried(call: Invocation) -> "tuple[Result, ...]":
    import asyncio  # noqa: PLC0415 - needed here alone

    from device.cli.scene import scene_of  # noqa: PLC0415 - it reads the spool
    from device.doctor.running import every_check, examine  # noqa: PLC0415 - it imports HTTP

    checks = [check for check in every_check() if check.code in CHECKS]
    return tuple(asyncio.run(examine(scene_of(call), checks)))
