"""Pages: find, check, bind, call one verb, answer."""
