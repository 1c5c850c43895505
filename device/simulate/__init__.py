"""Simulated recorders that speak the real protocols."""
