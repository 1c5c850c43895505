"""An error for programs: the same object on stderr under --json and from the control socket."""

from device.errors import ConfigInvalid, FieldpostError, RecorderRefused


def error_object(error: FieldpostError) -> dict[str, object]:
    """Describe why something was not done."""
    known: dict[str, object] = {
        "error": error.code,
        "message": str(error),
        "hint": error.hint,
        "exit_code": error.exit_code,
    }
    match error:
        case ConfigInvalid():
            return {**known, "problems": error.problems}
        case RecorderRefused():
            return {**known, "wire_code": error.wire_code}
        case _:
            return known
