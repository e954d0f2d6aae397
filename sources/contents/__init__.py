"""What is inside reference files: headers, images, tables and trees, described and drawn once."""
