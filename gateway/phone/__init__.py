"""Phones that carry GATT for Bluetooth-only recorders: see TUNNEL.md."""
