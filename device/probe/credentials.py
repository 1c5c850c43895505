"""Which credential is in use for a cloud now: the operator's, or what took its place since."""

from collections.abc import Mapping

from device.config import CloudConfig, Config
from device.core.api_words import usable_token
from device.slots import SlottedToken
from device.token import TOKEN, TOKEN_IMAGES, token_source


def credential_in_use(
    config: Config, section: str, cloud: CloudConfig, environ: Mapping[str, str]
) -> str:
    """Read it. Blocks.

    Args:
        config: Names the spool, beside which exchanged tokens are kept.
        section: `cloud` or `cloud_images`.
        cloud: That section.
        environ: `CREDENTIALS_DIRECTORY`.

    Raises:
        TokenRefused: There is none, or it cannot be read; the cause is then an OSError.
    """
    name = TOKEN_IMAGES if section == "cloud_images" else TOKEN
    source = token_source(cloud, environ, name=name)
    slotted = section == "cloud"
    return usable_token(SlottedToken(source, config.spool.path)() if slotted else source())
