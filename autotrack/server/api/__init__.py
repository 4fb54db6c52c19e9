"""What the pages fetch and change: JSON in, JSON out."""
