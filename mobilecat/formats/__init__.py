"""Model files, one room a format: how it is written, read, run and inspected.

Takes a frozen graph or a file; gives artifacts, frozen graphs, runners, inspections.
`table.FORMATS` has every format as one value of verbs; `importing` and `inspection` choose by a
file.
"""
