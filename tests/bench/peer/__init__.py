"""What other programs do on the same files, each in an environment of its own, so that figures stand side by side."""
