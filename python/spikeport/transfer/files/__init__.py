"""The two files of a checkpoint: bytes, fields and members, which know no layers."""
