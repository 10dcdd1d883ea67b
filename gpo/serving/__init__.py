"""What servers of this machine have in common: who uses them, whom they answer, for how long, and from memory."""
