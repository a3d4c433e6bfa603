"""Text: numbers, tables, stars and summaries in the look of R, as text and HTML."""
