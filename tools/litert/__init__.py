"""LiteRT: converting, and running what was converted."""
