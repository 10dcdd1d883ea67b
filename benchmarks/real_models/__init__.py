"""Compares methods on real tasks with real local models: `python -m benchmarks.real_models --help`.

The parts that the peers' environment loads - `tasks`, `peers`, `wire` - need nothing of the library.
"""
