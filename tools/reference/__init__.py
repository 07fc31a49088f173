"""The parts of record_reference.py, one subject each."""
