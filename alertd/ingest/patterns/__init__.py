"""What the messages of one topic have in common, found in the first of them, so that the next are read in one go."""
