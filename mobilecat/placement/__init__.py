"""Where a file's ops will run, by rules with a public source each that one can correct."""
