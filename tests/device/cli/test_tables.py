"""Tables on a terminal: what is too long for its row goes below it, whole."""

from device.cli.tables import spilling

HEADS = ("ENTRY", "SIZE", "RECORDER", "WHY")
PATH = "folder:/media/usb/recordings-of-march"


def test_as_many_cells_go_below_as_do_not_fit():
    """From the last one on; nothing is cut."""
    rows = [("3f9a", "1 KiB", "AM-07", "busy"), ("77c0", "12 KiB", PATH, "the cloud is unwell")]

    assert [
        "ENTRY    SIZE  RECORDER",
        "3f9a    1 KiB  AM-07",
        "  busy",
        "77c0   12 KiB",
        f"  {PATH}, the",
        "  cloud is unwell",
    ] == list(spilling(HEADS, rows, right={"SIZE"}, width=48))


def test_a_pipe_gets_every_row_on_one_line():
    """For grep and awk."""
    (_, row) = spilling(HEADS, [("3f9a", "1 KiB", PATH, "x" * 90)])

    assert f"3f9a   1 KiB  {PATH}  {'x' * 90}" == row
