"""The words of `device.words`, where the commands look for them."""

from device.words import count, printable, relative, rfc3339, shortened, size, span

__all__ = ["count", "printable", "relative", "rfc3339", "shortened", "size", "span"]
