"""Pictures of arrays and columns, for light and dark pages."""
