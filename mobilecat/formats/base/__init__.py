"""What every format is made of, and no format by name: lowering tables, runners, import options.

Formats take these; nothing here imports a format.
"""
