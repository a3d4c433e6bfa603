"""Solutions: what a fit gives to users, and how it is shown."""
