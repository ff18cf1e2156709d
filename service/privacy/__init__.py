"""What is held on a reader, how it is handed out, and how it goes away."""
