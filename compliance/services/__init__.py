"""The verbs: every write and every state transition, once. Keyword-only; called by page, API, command and task alike."""
