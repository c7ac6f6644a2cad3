"""What a source is converted to: a folder for each target, and what several of them share."""
