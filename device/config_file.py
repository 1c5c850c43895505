"""Read the configuration from its files and the environment, and report every problem at once."""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from types import MappingProxyType
from typing import Any

from device.config import CloudConfig, Config, RecorderConfig
from device.config_checks import problems, warnings
from device.config_clouds import TABLE_OF, clouds
from device.config_lines import key_lines
from device.config_network import proxy_login
from device.config_values import CLOUD_IMAGES, DEFAULT, SECTIONS, Draft, Setting
from device.errors import ConfigInvalid
from device.token import TOKEN, TOKEN_IMAGES, token_problem, token_warning

DEFAULT_FILE = Path("/etc/fieldpost/fieldpost.toml")
_PLACE = re.compile(r"(.+?):(\d+): ")
_TOML_LINE = re.compile(r"\s*\(at (?:line (\d+), column \d+|end of document)\)$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loaded:
    """A usable configuration and where each value was set.

    `origins` maps `cloud.base_url`, `recorders.0.url`, … to `default`, `file:line` or `env NAME`.
    `files` are those that were read, in order; `warnings` are sentences.
    """

    config: Config
    origins: Mapping[str, str]
    files: tuple[Path, ...]
    warnings: tuple[str, ...]


def load(
    file: Path | None,
    environ: Mapping[str, str],
    *,
    needs_token: bool,
    default: Path = DEFAULT_FILE,
    unwritten: Mapping[Path, str] = MappingProxyType({}),
) -> Loaded:
    """Read everything; later sources win: defaults, file, conf.d/*.toml, environment.

    Args:
        file: Replaces the default file, and then its conf.d is not read either.
        environ: Holds `FIELDPOST_SECTION__KEY` and `CREDENTIALS_DIRECTORY`.
        needs_token: Whether the command sends; then an unusable token file is a problem too.
        default: Read when it exists and `file` is None.
        unwritten: What files are going to hold, taken in place of what they hold now.

    Raises:
        ConfigInvalid: Lists all problems. Nothing was touched.
    """
    draft = Draft()
    files = _files(file, default, unwritten)
    read = [each for each in files if _take_file(draft, each, unwritten.get(each))]
    draft.take_environment(environ)
    config, origins, places = _build(draft)

    def where(section: str, key: str) -> str:
        return origins[f"{section}.{key}"]

    found = [*draft.problems, *problems(config, where, places)]
    notices = list(warnings(config, where, places))
    if needs_token:
        for section, cloud in clouds(config):
            label = f"{where(section, 'token_file')}: [{TABLE_OF.get(section, section)}] token_file"
            name = TOKEN_IMAGES if section == CLOUD_IMAGES else TOKEN
            if problem := token_problem(cloud, environ=environ, name=name):
                found.append(f"{label} {problem}")
            if warning := token_warning(cloud, environ, name=name):
                notices.append(f"{label} {warning}")
        if config.network.ca_file or config.network.client_cert:
            from device.tls import file_problems  # noqa: PLC0415 - ssl is slow to import

            for key, problem in file_problems(config.network):
                found.append(f"{where('network', key)}: [network] {key} {problem}")
        try:
            proxy_login(config.network)
        except ConfigInvalid as unusable:
            origin = where("network", "proxy_login_file")
            found += [f"{origin}: {problem}" for problem in unusable.problems]
    if found:
        raise ConfigInvalid(sorted(found, key=_place_of))
    return Loaded(config=config, origins=origins, files=tuple(read), warnings=tuple(notices))


def _place_of(problem: str) -> tuple[str, int]:
    """Sort key: complaints in the order in which a person goes through the files."""
    match = _PLACE.match(problem)
    return (match.group(1), int(match.group(2))) if match else (problem, 0)


def _files(file: Path | None, default: Path, unwritten: Mapping[Path, str]) -> list[Path]:
    if file:
        return [file]
    folder = default.parent / "conf.d"
    new = (each for each in unwritten if each.parent == folder)
    extra = sorted({*folder.glob("*.toml"), *new})
    if default in unwritten:
        return [default, *extra]
    try:
        default.stat()
    except FileNotFoundError:
        return extra
    except OSError:
        pass  # there, and not for us: reading it says why
    return [default, *extra]


def _take_file(draft: Draft, file: Path, unwritten: str | None) -> bool:
    try:
        text = file.read_bytes().decode() if unwritten is None else unwritten
    except OSError as error:
        draft.problems.append(f"{file}:1: cannot be read: {error.strerror}")
        return False
    except UnicodeDecodeError:
        draft.problems.append(f"{file}:1: is not a text file in UTF-8")
        return False
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        draft.problems.append(f"{file}:{_not_toml(str(error), text)}")
        return False
    except (ValueError, RecursionError):
        draft.problems.append(f"{file}:1: holds a number or a list of lists beyond all bounds")
        return False
    draft.take_document(document, key_lines(text), file)
    return True


def _not_toml(message: str, text: str) -> str:
    """Turn tomllib's message into `line: sentence`."""
    match = _TOML_LINE.search(message)
    line = match.group(1) if match else None
    sentence = _TOML_LINE.sub("", message)
    return f"{line or text.count(chr(10)) + 1}: is not TOML: {sentence}"


def _build(draft: Draft) -> tuple[Config, dict[str, str], tuple["_Place", ...]]:
    """Make the values; a setting that was refused keeps its default until the report is out."""
    origins: dict[str, str] = {}
    sections: dict[str, Any] = {}
    for name, schema in SECTIONS.items():
        settings = draft.sections.get(name, {})
        sections[name] = schema(**{key: setting.value for key, setting in settings.items()})
        for each in fields(schema):
            setting = settings.get(each.name)
            origins[f"{name}.{each.name}"] = setting.origin if setting else DEFAULT
    sections[CLOUD_IMAGES] = None
    if images := draft.sections.get(CLOUD_IMAGES):
        sections[CLOUD_IMAGES] = CloudConfig(**{k: setting.value for k, setting in images.items()})
        for each in fields(CloudConfig):
            setting = images.get(each.name)
            origins[f"{CLOUD_IMAGES}.{each.name}"] = setting.origin if setting else DEFAULT
    usable = [settings for settings in draft.recorders if "url" in settings]
    recorders = tuple(
        RecorderConfig(**{key: setting.value for key, setting in settings.items()})
        for settings in usable
    )
    for index, settings in enumerate(usable):
        for each in fields(RecorderConfig):
            setting = settings.get(each.name)
            origins[f"recorders.{index}.{each.name}"] = setting.origin if setting else DEFAULT
    config = Config(recorders=recorders, **sections)
    return config, origins, tuple(_Place(settings) for settings in usable)


class _Place:
    """Where the keys of one recorder were set; a key nobody set is blamed on its url."""

    def __init__(self, settings: Mapping[str, Setting]) -> None:
        self._settings = settings

    def __call__(self, _section: str, key: str) -> str:
        return self._settings.get(key, self._settings["url"]).origin
