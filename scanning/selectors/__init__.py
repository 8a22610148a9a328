"""Read-models of the instruments' pages; one module for each page or list. They never write."""
