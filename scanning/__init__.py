"""The instruments: everything that turns files, models, logs and accounts into observations."""
