"""Drawings that any browser shows, without a script: charts as SVG."""
