"""Files that mean harm, by the thousand, and what they did: `python -m tools.fuzz_inputs`."""
