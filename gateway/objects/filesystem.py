"""Objects as files: `objects/<recording>/<medium>`, half-received ones under `parts/`."""

import asyncio
import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

from gateway.core.signing import Purpose, signed_url
from gateway.errors import ConfigInvalid, StorageFailed, StorageFull
from gateway.objects import Arrived, Kept, ObjectRef, Offer, SignedFor, Stored, UploadTarget
from gateway.objects.disk import Folders, remove, storage_error, sync_folder
from gateway.objects.part import FilePart
from gateway.objects.whole_file import WholeFile, keep_all

_BLOCK_BYTES = 1024 * 1024
_WRITABLE = "see FIELDPOST_GATEWAY_DATA: its file system, and who owns what is in it"
_LEAST_FREE_BYTES = 16 * 1024 * 1024


class FilesystemObjects:
    """The embedded store: one folder on one file system, bytes carried by the gateway."""

    def __init__(self, folder: Path, *, secret: bytes) -> None:
        self._secret = secret
        self._objects = folder / "objects"
        self._parts = folder / "parts"
        self._rejected = folder / "rejected"
        self._folders = Folders()
        try:
            for each in (self._objects, self._parts, self._rejected):
                each.mkdir(mode=0o700, parents=True, exist_ok=True)
            sync_folder(folder)
        except OSError as error:
            told = f"the folder {error.filename or folder} cannot be made: {error.strerror}"
            raise ConfigInvalid(told, hint=_WRITABLE) from error

    async def target(
        self, ref: ObjectRef, offer: Offer, signed: SignedFor, *, handle: str | None = None
    ) -> UploadTarget:
        """See `ObjectStore.target`."""
        del handle
        return UploadTarget(
            url=self._signed(Purpose.UPLOAD, ref, signed),
            protocol="chunked_put",
            headers={"Content-Type": offer.content_type},
        )

    async def download_url(self, ref: ObjectRef, signed: SignedFor) -> str:
        """See `ObjectStore.download_url`."""
        return self._signed(Purpose.DOWNLOAD, ref, signed)

    async def verify(self, ref: ObjectRef) -> Stored | None:
        """See `ObjectStore.verify`."""
        return await asyncio.to_thread(_count, self.path(ref))

    async def reject(self, ref: ObjectRef) -> None:
        """See `ObjectStore.reject`."""
        try:
            await asyncio.to_thread(self._reject, ref)
        except OSError as error:
            raise storage_error("the object cannot be put aside", error) from error

    async def delete(self, recording_id: str, refs: Sequence[ObjectRef]) -> None:
        """See `ObjectStore.delete`."""
        try:
            await asyncio.to_thread(self._delete, recording_id, refs)
        except OSError as error:
            raise storage_error("the objects cannot be removed", error) from error

    async def ping(self) -> None:
        """See `ObjectStore.ping`."""
        await asyncio.to_thread(self._ping)

    async def aclose(self) -> None:
        """See `ObjectStore.aclose`: nothing stays open."""

    def part(self, ref: ObjectRef) -> FilePart:
        """See `CarriedObjectStore.part`."""
        try:
            return FilePart(self._parts / ref.medium_id, self.path(ref), self._folders)
        except OSError as error:
            raise storage_error("the part cannot be opened", error) from error

    def keep_whole(self, arrived: Sequence[Arrived]) -> list[Kept]:
        """See `CarriedObjectStore.keep_whole`."""
        files: list[WholeFile | Kept] = [self._file(each) for each in arrived]
        keep_all([file for file in files if isinstance(file, WholeFile)], self._folders)
        return [file.kept if isinstance(file, WholeFile) else file for file in files]

    def _file(self, arrived: Arrived) -> WholeFile | StorageFull | StorageFailed | None:
        """Say where an object goes that arrived whole, if that can be said."""
        path, name = self.path(arrived.ref), arrived.ref.medium_id
        try:
            # What is there already is gone on with, or found to be whole, as a part.
            if not arrived.is_new and (path.exists() or (self._parts / name).exists()):
                return None
        except OSError as error:
            return storage_error("the object store cannot be looked at", error)
        return WholeFile(self._whole(name), path, arrived.blocks, arrived.sha256)

    def part_ids(self) -> set[str]:
        """See `CarriedObjectStore.part_ids`."""
        return {path.name.partition(".")[0] for path in self._parts.iterdir() if path.is_file()}

    def discard_part(self, medium_id: str) -> None:
        """See `CarriedObjectStore.discard_part`."""
        remove(self._parts / medium_id)
        remove(self._parts / f"{medium_id}.mark")
        remove(self._whole(medium_id))

    def path(self, ref: ObjectRef) -> Path:
        """See `CarriedObjectStore.path`."""
        return self._objects / ref.recording_id / ref.medium_id

    def _whole(self, medium_id: str) -> Path:
        return self._parts / f"{medium_id}.whole"

    def _signed(self, purpose: Purpose, ref: ObjectRef, signed: SignedFor) -> str:
        return signed_url(
            self._secret,
            purpose,
            ref.medium_id,
            base_url=signed.base_url,
            expires=signed.expires,
        )

    def _reject(self, ref: ObjectRef) -> None:
        path = self.path(ref)
        if path.exists():
            path.rename(self._rejected / ref.medium_id)
            sync_folder(self._rejected)
            sync_folder(path.parent)

    def _delete(self, recording_id: str, refs: Sequence[ObjectRef]) -> None:
        for ref in refs:
            for path in (
                self.path(ref),
                self._parts / ref.medium_id,
                self._parts / f"{ref.medium_id}.mark",
                self._whole(ref.medium_id),
                self._rejected / ref.medium_id,
            ):
                path.unlink(missing_ok=True)
        folder = self._objects / recording_id
        if folder.exists():
            folder.rmdir()
        self._folders.forget(folder)
        # Before it is noted as done: what a power cut brings back nobody would remove again.
        for changed in (self._objects, self._parts, self._rejected):
            sync_folder(changed)

    def _ping(self) -> None:
        try:
            free = os.statvfs(self._parts)
            locked = [
                each.name
                for each in (self._objects, self._parts, self._rejected)
                if not os.access(each, os.W_OK | os.X_OK)
            ]
        except OSError as error:
            raise StorageFailed(f"the object store cannot be reached: {error.strerror}") from error
        if locked:
            told = f"the gateway may not write to {', '.join(locked)} of its data folder"
            raise StorageFailed(told, hint=_WRITABLE)
        if free.f_bavail * free.f_frsize < _LEAST_FREE_BYTES:
            raise StorageFull("the object store is full")


def _count(path: Path) -> Stored | None:
    digest = hashlib.sha256()
    size_bytes = 0
    try:
        with path.open("rb") as file:
            while block := file.read(_BLOCK_BYTES):
                digest.update(block)
                size_bytes += len(block)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageFailed(f"the object cannot be read: {error.strerror}") from error
    return Stored(size_bytes, digest.hexdigest())
