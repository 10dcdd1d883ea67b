"""The command `gpo`. Nothing outside of this folder prints."""
