"""The control socket: how programs on this computer ask the running agent. See docs/control.md."""
