"""The native link protocol (PROTOCOL.md), without I/O."""
