"""What operators do to contexts and files: set contexts, mark files."""
