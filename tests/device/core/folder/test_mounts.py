"""mountinfo: which mount a folder is on."""

from device.core.folder.mounts import Mount, mount_of

TEXT = r"""
22 1 8:2 / / rw,relatime shared:1 - ext4 /dev/sda2 rw
30 22 0:25 / /run rw - tmpfs tmpfs rw
40 22 8:17 / /media/my\040card rw - vfat /dev/sdb1 rw
41 40 8:33 / /media/my\040card rw - vfat /dev/sdc1 rw
50 22 8:2 /srv/recordings /srv/recordings rw - ext4 /dev/sda2 rw
half a line
"""


def test_the_longest_and_latest_mount_counts():
    """A card mounted over another hides it; spaces are spelt in octal."""
    found = mount_of(TEXT, "/media/my card/DCIM")

    assert found == Mount(point="/media/my card", device="8:33")
    assert found.on_block_device


def test_a_bind_mount_of_the_same_disk_is_looked_through():
    """What a unit's ReadWritePaths adds is not a card."""
    assert mount_of(TEXT, "/srv/recordings") == Mount(point="/", device="8:2")


def test_a_name_that_only_begins_alike_is_elsewhere():
    """/runner is not below /run, and memory has no block device."""
    assert mount_of(TEXT, "/runner") == Mount(point="/", device="8:2")
    assert not mount_of(TEXT, "/run").on_block_device


def test_no_text_knows_no_mount():
    """Without /proc nothing is claimed."""
    assert mount_of("", "/srv") is None
