"""What a model file seems to be, and the spec that would say so: `mobilecat init`.

`facts` reads the file, `families` is the table of those that are known, `text` writes the spec with
its comments, `whole` does one after the other and tries the result on a picture.
"""
