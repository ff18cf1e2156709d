"""What support staff can find out."""
