"""A child that does not speak the protocol."""

if __name__ == "__main__":
    print("hello there")
