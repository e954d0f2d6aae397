"""Who may do what: roles, tokens, sign-in."""
