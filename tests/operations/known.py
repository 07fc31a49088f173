"""What is known not to pass: (what run_programs says, a pattern of "sample: reason"). Everything else is a failure."""

KNOWN = ()
