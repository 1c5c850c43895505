"""Run `fieldpost` with its terminal as the controlling one, so that Ctrl-C reaches it."""

import fcntl
import sys
import termios

from device.cli.main import main

if __name__ == "__main__":
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    sys.exit(main(sys.argv[1:]))
