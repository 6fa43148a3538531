"""Calls from object to object: stubs, what they carry, and what is passed by reference."""
