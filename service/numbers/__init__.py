"""What the publication wants to know of its paywall: counted by the worker, kept by day, shown as plots and tables."""
