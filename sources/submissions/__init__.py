"""From uploaded files to a new context: what a submitter does."""
