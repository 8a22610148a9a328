"""The verifier in one file, for machines without Assay: `assay_verify.py`. It imports nothing from here, and runs alone."""
