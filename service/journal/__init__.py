"""What was decided, remembered: walls and counted reads, kept long enough to explain them and to learn from them."""
