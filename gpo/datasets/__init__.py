"""Named datasets: pushed, versioned, compared and exported. `registry.py` is the way in."""
