"""One design, many responses: all fits at once where the design allows, one after the other where not."""
