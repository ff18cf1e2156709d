"""Proofs by simulation: lives, interleavings, an oracle of access, and a whole newsroom in virtual time."""
