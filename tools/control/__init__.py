"""The commands at the top of the checkout.

Standard library only: these commands make the environment in which everything
else runs.  ``__main__`` picks the command; each command is a module here.
"""
