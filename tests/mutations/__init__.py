"""Seeded bugs, each of which fast tests must catch: tests that cannot fail prove nothing."""
