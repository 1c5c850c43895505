"""Every error of the agent, on one page.

FieldpostError
├── ConfigInvalid               configuration (operator)
├── UsageInvalid                command line (operator)
├── SettingUnusable             a value that nobody can follow; the sentence says what it must be
├── JournalUnreadable           the system's journal is not there, or not for us
├── ReportUnwritten             a bug report cannot be written where it should go
├── LinkError                   between agent and recorder
│   ├── LinkUnavailable         cannot be opened; carries a reason
│   └── LinkLost                was open and went away
├── RecorderError               the recorder answered, and it is no use
│   ├── ProtocolViolation       it broke the link protocol
│   ├── RecorderBusy            it asks to come back later
│   ├── RecorderRefused         it refused a request
│   ├── MediumGone              a listed medium is not there any more
│   └── DigestMismatch          bytes and announced digest disagree after a re-read
├── Uncuttable                  audio is not cut into parts; it goes up whole
├── Uncarried                   audio is to be cut before it goes up; within an upload alone
├── Held                        the sending policy says not now
├── TokenNotKept                a token cannot be written to its file, or deleted
├── SpoolError                  our own disk
│   ├── SpoolLocked             another agent holds it
│   ├── SpoolFull               no room for what is to be pulled
│   ├── SpoolDamaged            what is on disk is not what was written
│   ├── SpoolTooNew             written by a newer Fieldpost
│   ├── SpoolStorageFailed      the kernel reported an I/O error
│   ├── EntryUnknown            no such entry
│   └── IllegalMove             a state change that the life of an entry does not allow
├── ExportFailed                the disk or pipe that recordings are rescued to does not take them
│   ├── ExportFull              it has no room for them
│   └── ExportUnfit             one file cannot lie there; others can
└── CloudError                  between agent and cloud
    ├── CloudUnreachable        no connection, no name, no answer, a cut
    ├── CloudThrottled          asked to slow down
    │   └── OverQuota           what one device may send or keep is used up
    ├── OwnerOverQuota          the same, where many devices' recordings go up by one way
    ├── CloudUnwell             5xx
    ├── NotTheCloud             an answer that the cloud would not give (captive portal, proxy)
    ├── TokenRefused            401/403 from the API, or no token at all
    ├── TargetExpired           the upload URL is no longer good
    ├── MediaMissing            upload-complete found media that never arrived
    ├── CloudRejected           a permanent no to this recording
    └── CloudConflict           the cloud's view and ours differ; a person must look

Each class says whose fault it usually is, whether trying again can help, and what to do. Retry code
asks `transient`, never the text.
"""

from datetime import datetime
from enum import StrEnum
from typing import ClassVar


class Fault(StrEnum):
    """Whom to look at first."""

    OPERATOR = "operator"
    RECORDER = "recorder"
    NETWORK = "network"
    CLOUD = "cloud"
    DISK = "disk"
    AGENT = "agent"


class FieldpostError(Exception):
    """Base of every error. `code` is stable and machine-readable; `str(error)` is a sentence."""

    code: ClassVar[str] = "failed"
    transient: ClassVar[bool] = False
    fault: ClassVar[Fault] = Fault.AGENT
    exit_code: ClassVar[int] = 1
    hint: str | None = None

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        if hint is not None:
            self.hint = hint


class ConfigInvalid(FieldpostError):
    """The configuration cannot be used. `problems` are complete sentences with file and line."""

    code = "config-invalid"
    fault = Fault.OPERATOR
    exit_code = 78
    hint = "fieldpost config check"

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


class UsageInvalid(FieldpostError):
    """The command line asks for something that cannot be done."""

    code = "usage"
    fault = Fault.OPERATOR
    exit_code = 2


class SettingUnusable(FieldpostError):
    """A setting that cannot be followed; the message says what it must be, after its name."""

    code = "setting-unusable"
    fault = Fault.OPERATOR
    exit_code = 78


class JournalUnreadable(FieldpostError):
    """The system's journal is not there, or may not be read."""

    code = "journal-unreadable"
    fault = Fault.OPERATOR
    exit_code = 69


class ReportUnwritten(FieldpostError):
    """A bug report cannot be written where it should go; what is there stays as it is."""

    code = "report-unwritten"
    fault = Fault.OPERATOR
    hint = "fieldpost bugreport -o /tmp/report.tar.gz"


class LinkError(FieldpostError):
    """The way to a recorder failed."""

    code = "link-failed"
    transient = True
    fault = Fault.RECORDER
    exit_code = 69


class LinkReason(StrEnum):
    """Why a link cannot be opened."""

    NOT_FOUND = "not-found"
    IN_USE = "in-use"
    DENIED = "denied"
    NOT_A_DEVICE = "not-a-device"
    NO_ANSWER = "no-answer"
    NO_ADAPTER = "no-adapter"
    POWERED_OFF = "powered-off"
    BLOCKED = "blocked"
    BUSY = "busy"
    NOT_PAIRED = "not-paired"


class LinkUnavailable(LinkError):
    """The link cannot be opened; `reason` says why."""

    code = "link-unavailable"

    def __init__(self, message: str, *, reason: LinkReason, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.reason = reason


class LinkLost(LinkError):
    """The link was open and went away (unplugged, powered off, no answer in time)."""

    code = "link-lost"
    hint = "check the cable and the recorder's power; the pull goes on where it stopped"


class RecorderError(FieldpostError):
    """The recorder answered, and the answer is no use."""

    code = "recorder-failed"
    fault = Fault.RECORDER


class ProtocolViolation(RecorderError):
    """The recorder broke the link protocol: a firmware fault, or a line too bad to use."""

    code = "protocol-violation"
    transient = True
    hint = "note the recorder's firmware version and report it to its maker"


class RecorderBusy(RecorderError):
    """The recorder asks to come back later (`retry_after_s`)."""

    code = "recorder-busy"
    transient = True

    def __init__(self, message: str, *, retry_after_s: float) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class RecorderRefused(RecorderError):
    """The recorder refused a request; `wire_code` is its number in PROTOCOL.md."""

    code = "recorder-refused"

    def __init__(self, message: str, *, wire_code: int, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.wire_code = wire_code


class MediumGone(RecorderError):
    """A listed medium is not on the recorder any more."""

    code = "medium-gone"


class DigestMismatch(RecorderError):
    """The bytes do not have the digest the recorder announced, after a second read."""

    code = "digest-mismatch"
    hint = "the recorder's storage may be failing; the bytes are kept in quarantine"


class Uncuttable(FieldpostError):
    """A stream is not cut, because no cut of it would surely be right; the sentence says why."""

    code = "uncuttable"
    fault = Fault.RECORDER


class Uncarried(FieldpostError):
    """A medium is to be cut into parts before a byte of it goes; never leaves an upload."""

    code = "uncarried"
    transient = True
    fault = Fault.NETWORK

    def __init__(
        self, index: int, reason: str, *, part_bytes: int | None = None, part_s: float | None = None
    ) -> None:
        """Say of which limits the parts are to be, and why."""
        super().__init__(reason)
        self.index = index
        self.reason = reason
        self.part_bytes = part_bytes
        self.part_s = part_s


class Held(FieldpostError):
    """The sending policy lets nothing leave now: roaming, data limit, battery, hours."""

    code = "held"
    transient = True
    fault = Fault.OPERATOR
    exit_code = 75
    hint = "fieldpost config show; what the settings allow goes on by itself"

    def __init__(self, why: str, reason: str, until: datetime | None, next_bytes: int) -> None:
        """Say which rule it is, in a word and in a sentence, when it ends, and what was refused."""
        super().__init__(reason)
        self.why = why
        self.until = until
        self.next_bytes = next_bytes


class TokenNotKept(FieldpostError):
    """A token cannot be written to its file, or deleted there."""

    code = "token-not-kept"
    fault = Fault.OPERATOR
    exit_code = 77


class SpoolError(FieldpostError):
    """The spool on our own disk."""

    code = "spool-failed"
    fault = Fault.DISK


class SpoolLocked(SpoolError):
    """Another agent holds the spool."""

    code = "spool-locked"
    transient = True
    fault = Fault.OPERATOR
    exit_code = 75
    hint = "an agent is running; stop it (systemctl stop fieldpost) or ask it: fieldpost status"


class SpoolFull(SpoolError):
    """No room for what is to be pulled. Nothing unsent is deleted to make room."""

    code = "spool-full"
    transient = True
    exit_code = 75
    hint = "restore the uplink or give the spool a larger disk; recordings wait on their recorder"


class SpoolDamaged(SpoolError):
    """What is on disk is not what was written."""

    code = "spool-damaged"
    hint = "fieldpost spool verify"


class SpoolTooNew(SpoolError):
    """A newer Fieldpost wrote it; nothing is touched."""

    code = "spool-too-new"
    fault = Fault.OPERATOR
    exit_code = 78
    hint = "install the newer Fieldpost again; this one would not understand what it finds"


class SpoolStorageFailed(SpoolError):
    """The kernel reported an I/O error; the bytes are taken again, never trusted."""

    code = "spool-storage-failed"
    transient = True
    hint = "check the disk (dmesg) and replace the SD card if this repeats"


class EntryUnknown(SpoolError):
    """No such entry in the spool."""

    code = "entry-unknown"
    fault = Fault.OPERATOR
    hint = "fieldpost spool ls"


class IllegalMove(SpoolError):
    """A state change that the life of an entry does not allow; nothing was changed."""

    code = "illegal-move"
    fault = Fault.AGENT


class ExportFailed(FieldpostError):
    """What recordings are rescued to does not take them; the spool is as it was."""

    code = "export-failed"
    fault = Fault.OPERATOR
    hint = "use another disk or folder; the spool is as it was"


class ExportFull(ExportFailed):
    """It has no room for them; what is on it already is whole."""

    code = "export-full"
    exit_code = 75
    hint = "make room there, or use a larger disk; the same command goes on where it stopped"


class ExportUnfit(ExportFailed):
    """One file cannot lie there: another one does, or it is too large; others can."""

    code = "export-unfit"


class CloudError(FieldpostError):
    """The way to the cloud, or the cloud."""

    code = "cloud-failed"
    fault = Fault.CLOUD


class CloudUnreachable(CloudError):
    """No connection, no name, no answer in time, or a cut."""

    code = "cloud-unreachable"
    transient = True
    fault = Fault.NETWORK
    exit_code = 69


class CloudThrottled(CloudError):
    """The cloud asks to slow down; `retry_after_s` is its own figure when it gave one."""

    code = "cloud-throttled"
    transient = True
    exit_code = 75

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class OverQuota(CloudThrottled):
    """What one device may send, or keep, is used up; others may go on."""

    code = "cloud-over-quota"


class OwnerOverQuota(CloudError):
    """As `OverQuota`, where recordings of many devices go up by one way: only this one's wait."""

    code = "over-quota"
    transient = True
    exit_code = 75


class CloudUnwell(CloudError):
    """The cloud answered 5xx."""

    code = "cloud-unwell"
    transient = True
    exit_code = 69

    def __init__(self, message: str, *, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class NotTheCloud(CloudError):
    """An answer the cloud would not give: a captive portal, a proxy page, a redirect."""

    code = "not-the-cloud"
    transient = True
    fault = Fault.NETWORK
    exit_code = 69
    hint = "sign in to the network's portal, or check base_url"


class TokenRefused(CloudError):
    """The API refused the device token, or there is none. Pulling goes on, uploads wait."""

    code = "token-refused"
    fault = Fault.OPERATOR
    exit_code = 77
    hint = (
        "sudo fieldpost enrol, or put a valid credential into the token file; recordings are kept"
        " meanwhile"
    )


class TargetExpired(CloudError):
    """The upload URL is no longer good; a new one is asked for without starting over."""

    code = "target-expired"
    transient = True


class MediaMissing(CloudError):
    """Upload-complete found media that never arrived whole; `refs` are the cloud's names."""

    code = "media-missing"
    transient = True

    def __init__(self, message: str, *, refs: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.refs = refs


class CloudRejected(CloudError):
    """A permanent no to this recording or medium."""

    code = "cloud-rejected"
    hint = "read the reason, correct the cause, then: fieldpost spool requeue ENTRY"


class CloudConflict(CloudError):
    """The cloud's view and ours differ (409); nothing is deleted, a person must look."""

    code = "cloud-conflict"
    hint = "compare with the cloud's console, then: fieldpost spool requeue ENTRY"
