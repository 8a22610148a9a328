"""What a service answers when it will not do a thing."""


class RefusedError(Exception):
    """The act is against a rule. The message is one sentence for the person: what is wrong and what to do."""
