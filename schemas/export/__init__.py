"""The dialects of raw export, as pydantic models: one module a dialect.

They are `TypedDict`s, not classes: pydantic checks a line of JSON against them in one pass over the
bytes and hands back plain dictionaries, at about the speed of `json.loads`.
"""
