"""The bootstrap: data drawn again, models fitted again, and what their spread says of estimates and tests."""
