"""The documentation as a site: its verb pages, its recorded commands, and MkDocs' hooks.

docs/ is plain Markdown and reads without any of this. `make docs` builds the site.
"""
