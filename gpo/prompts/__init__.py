"""The prompt registry: versions, aliases and their moves, the loader for applications, and the HTTP endpoint.

Another registry to publish to is a file in `publishers/`.
"""
