"""Data that are never in memory together: sums over rows, streams of rows, and clusters."""
