"""Benchmarks: the same models fitted by every backend, optimizer and installed peer, measured side by side."""
