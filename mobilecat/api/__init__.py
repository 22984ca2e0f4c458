"""The verbs behind `import mobilecat as mc`: paths as `str`, pictures as arrays, results as values.

Takes what a caller has; gives the rooms' own values. The command line calls exactly these.
"""
