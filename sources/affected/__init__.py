"""Which datasets a change of rules affects."""
