"""Saves that are stopped: at every call that changes the disk, by an error or a kill, and nothing may be lost.

`shim.c` stands between a process and libc, `overwriting` saves beneath it again and again, the command counts.
"""
