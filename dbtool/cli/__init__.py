"""The front door for people: parse, one library call, render."""
