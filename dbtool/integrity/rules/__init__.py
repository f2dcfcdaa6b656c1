"""Rules that the rows of a database must keep, declared outside of its schema.

`parse` makes frozen rules of what a configuration says, `check` judges a database by them.
"""
