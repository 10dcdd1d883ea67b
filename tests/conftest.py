from hypothesis import settings

# The first example of a test pays for imports, and a busy machine makes any of them slow.
settings.register_profile("gpo", deadline=None)
settings.load_profile("gpo")
