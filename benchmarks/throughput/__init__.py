"""How long many model calls take, beside what slots and latency make ideal: this library and others on one server."""
