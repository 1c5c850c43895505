"""What the gateway cannot do through no fault of the client: every 5xx."""

from gateway.problem import GatewayError


class InternalError(GatewayError):
    """A fault of the gateway; the request id finds it in the log."""


class DatabaseDamaged(InternalError):
    """The database file is damaged, or none at all: nothing that waiting would mend."""

    code = "database_damaged"
    title = "The database is damaged"
    hint = "stop the gateway and restore its data folder from a backup"


class Unavailable(GatewayError):
    """The gateway cannot do this now."""

    status = 503
    code = "unavailable"
    title = "Not available now"
    retry_after_s = 5
    exit_code = 75


class Draining(Unavailable):
    """This process is about to stop; another takes over. What arrived is kept."""

    code = "draining"
    title = "The gateway is restarting"
    retry_after_s = 1


class StorageFull(Unavailable):
    """The object store has no room."""

    code = "storage_full"
    title = "The object store is full"
    retry_after_s = 60


class StorageQuotaReached(GatewayError):
    """All that may be kept for a device or key is: until something of it is deleted."""

    status = 507
    code = "storage_quota_exceeded"
    title = "The storage quota is used up"
    retry_after_s = 3600


class StorageFailed(Unavailable):
    """The disk reported an error; the medium starts again from byte 0."""

    code = "storage_failed"
    title = "The object store failed"
    retry_after_s = 30


class SessionBusy(Unavailable):
    """The previous writer of this upload session has not let go yet."""

    code = "session_busy"
    title = "The upload session is busy"


class Verifying(Unavailable):
    """The medium is there and is being read to count its digest; ask again."""

    code = "verifying"
    title = "The medium is being verified"
    retry_after_s = 10
