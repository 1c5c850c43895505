"""The v1 plain profile of Bota recorders over Bluetooth, without I/O.

A package and not one module: each packet family of the recorder changes for its own reason, and one
file would have passed every limit on length. Sections such as §6.2 are those of the fact sheet that
the layouts were taken from; it is made from the maker's public SDKs, never from a firmware.
"""
