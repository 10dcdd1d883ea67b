"""The embedded models: a chat model in a server process of its own, and an embedding model in this process."""
