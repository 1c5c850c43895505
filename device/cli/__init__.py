"""The fieldpost command line."""
