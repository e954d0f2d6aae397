"""What is handed to the archive, and how far it got."""
