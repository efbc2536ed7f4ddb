"""Content-addressed results of costly work."""
