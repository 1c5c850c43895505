"""In which order the media of a recording go up, and which one its digest covers."""

from device.model import Manifest, MediaKind, SealedMedium


def digest_medium(manifest: Manifest) -> SealedMedium:
    """Pick the medium that a recording's one digest stands for: the first audio, else the first."""
    audio = (m for m in manifest.media if m.kind is MediaKind.AUDIO)
    return next(audio, manifest.media[0])


def sending_order(manifest: Manifest) -> tuple[SealedMedium, ...]:
    """Put small pictures first and the digest's medium last.

    Pictures fit through a young link. When the answer to the last PUT is lost, upload-complete
    can then prove by digest that it did arrive, and a large PUT is spared.
    """
    last = digest_medium(manifest)
    return (*(m for m in manifest.media if m is not last), last)
