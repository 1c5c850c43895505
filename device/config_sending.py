"""Say what is wrong with the settings that decide when uploads may go out."""

from collections.abc import Iterator

from device.config import Config
from device.errors import SettingUnusable
from device.settings import READERS


def sending_problems(config: Config) -> Iterator[tuple[str, str, str]]:
    """Yield (section, key, complaint) for every such setting that cannot be followed."""
    for path, read in READERS.items():
        section, _, key = path.partition(".")
        value = getattr(getattr(config, section), key, None)
        if value is None:
            continue
        try:
            read(value)
        except SettingUnusable as error:
            yield section, key, f"is {value!r}; it {error}"
