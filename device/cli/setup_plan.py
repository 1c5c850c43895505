"""Plan: what `setup` is going to write, held against the configuration's own checks beforehand."""

import os
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from device.cli import setup_cloud, setup_files
from device.cli.setup_files import Page
from device.config import CloudConfig, Config, RecorderConfig
from device.config_edit import edited
from device.config_file import DEFAULT_FILE, Loaded, load
from device.config_values import DEFAULT
from device.errors import ConfigInvalid


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """Where the configuration is read from; as for `load`."""

    environ: Mapping[str, str]
    file: Path | None = None
    default: Path = DEFAULT_FILE

    @property
    def target(self) -> Path:
        """The file to write."""
        return setup_files.choose(self.file, self.default)

    def load(self, page: Page | None = None) -> Loaded:
        """Read what holds, or what will hold once a page is written."""
        return load(
            self.target if self.file is not None else None,
            self.environ,
            needs_token=False,
            default=self.default,
            unwritten={page.file: page.after} if page is not None else {},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The page to write, and the configuration that then holds."""

    page: Page
    loaded: Loaded


def at_home(loaded: Loaded, file: Path | None) -> Config:
    """Return the configuration with places that this user can use.

    Whoever names a file of his own and is not root gets spool and token beside it: the usual
    places belong to the service.
    """
    config = loaded.config
    if file is None or os.geteuid() == 0:
        return config
    home = file.resolve().parent
    if loaded.origins["spool.path"] == DEFAULT:
        config = replace(config, spool=replace(config.spool, path=home / "spool"))
    if loaded.origins["cloud.token_file"] == DEFAULT:
        config = replace(config, cloud=replace(config.cloud, token_file=home / "token"))
    return config


def plan(sources: Sources, loaded: Loaded, wanted: Config) -> Plan:
    """Say what the file has to hold so that this configuration holds.

    Args:
        sources: What is read, and which file is written.
        loaded: What holds now.
        wanted: Of it count the cloud, recorders, and where the spool is.

    Raises:
        ConfigInvalid: It would not be valid, or another file or a variable says otherwise.
    """
    target = sources.target
    before = setup_files.read(target)
    text = setup_files.base(target, before)
    tables: dict[str, Mapping[str, Any]] = {
        "cloud": setup_cloud.settings(loaded, wanted.cloud, str(target))
    }
    if wanted.spool.path != loaded.config.spool.path:
        tables["spool"] = {"path": str(wanted.spool.path)}
    recorders = None
    if wanted.recorders != loaded.config.recorders:
        recorders = _tables(wanted.recorders, loaded.config.recorders, text)
    try:
        after = edited(text, tables=tables, recorders=recorders)
    except ConfigInvalid as error:
        raise ConfigInvalid([f"{target}:1: {each}" for each in error.problems]) from error
    page = Page(file=target, before=before, after=after)
    then = sources.load(page)
    if problems := _otherwise(then, wanted):
        raise ConfigInvalid(problems)
    return Plan(page=page, loaded=then)


def _tables(
    wanted: Sequence[RecorderConfig], present: Sequence[RecorderConfig], text: str
) -> list[dict[str, Any]]:
    """Write recorders as tables: of those that the file has already, what changes."""
    written = {each["url"] for each in tomllib.loads(text).get("recorders", [])}
    before = {each.url: each for each in present if each.url in written}
    tables = []
    for each in sorted(wanted, key=lambda each: each.url not in before):
        old = before.get(each.url)
        table: dict[str, Any] = {"url": each.url}
        for field in fields(RecorderConfig):
            value = getattr(each, field.name)
            if old is not None and value == getattr(old, field.name):
                continue
            if old is not None or value != field.default or field.name == "release":
                table[field.name] = value
        tables.append(table)
    return tables


def _otherwise(then: Loaded, wanted: Config) -> list[str]:
    """Say what would not be as it is wanted, because somebody else has the last word."""
    problems = [
        f"{then.origins[f'cloud.{each.name}']}: [cloud] {each.name} says otherwise and wins;"
        " change it there"
        for each in fields(CloudConfig)
        if getattr(then.config.cloud, each.name) != getattr(wanted.cloud, each.name)
    ]
    if set(then.config.recorders) != set(wanted.recorders):
        origin = next((o for key, o in then.origins.items() if key.startswith("recorders.")), "")
        problems.append(
            f"{origin or 'another file'}: [[recorders]] says otherwise and wins; change it there"
        )
    if then.config.spool.path != wanted.spool.path:
        problems.append(f"{then.origins['spool.path']}: [spool] path says otherwise and wins")
    return problems
