"""Models by name: asked, limited, retried, counted, and answered from the ledger of paid answers.

A provider is a client in `client.py`. `local/` are the embedded models, `synthetic/` those with a known answer.
"""
