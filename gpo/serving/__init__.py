"""What servers of this machine have in common: who uses them (`leases.py`), and whom they answer (`http_guard.py`)."""
