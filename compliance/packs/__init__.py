"""Evidence packs: freeze document -> context -> PDF -> manifest -> seal -> receipt, and back again by `verify`.

Nothing here reads a table. `issue.py` is the door for services and commands; it does the work in an isolated child.
"""
