"""What `manage.py demo` does, step by step, through the services that people's clicks use."""
